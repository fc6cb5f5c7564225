#include "analyzer/statistics/interval.hpp"

#include <boost/math/distributions/beta.hpp>
#include <cmath>

#include "analyzer/assert.hpp"

namespace ndr {

Interval clopper_pearson(std::int64_t hits, std::int64_t runs, double confidence) {
  NDR_ASSERT(runs >= 1 && hits >= 0 && hits <= runs && confidence > 0 && confidence < 1);
  const double tail = (1 - confidence) / 2;
  const auto k = static_cast<double>(hits);
  const auto n = static_cast<double>(runs);
  Interval interval;
  if (hits > 0) interval.low = boost::math::quantile(boost::math::beta_distribution<>(k, n - k + 1), tail);
  if (hits < runs) interval.high = boost::math::quantile(boost::math::beta_distribution<>(k + 1, n - k), 1 - tail);
  return interval;
}

double upper_bound_without_hits(std::int64_t runs, double confidence) {
  NDR_ASSERT(runs >= 1 && confidence > 0 && confidence < 1);
  return 1 - std::pow(1 - confidence, 1 / static_cast<double>(runs));
}

double lower_bound_with_only_hits(std::int64_t runs, double confidence) {
  NDR_ASSERT(runs >= 1 && confidence > 0 && confidence < 1);
  return std::pow(1 - confidence, 1 / static_cast<double>(runs));
}

double haldane(std::int64_t hits, std::int64_t runs) {
  NDR_ASSERT(hits >= 2 && runs >= hits);
  return static_cast<double>(hits - 1) / static_cast<double>(runs - 1);
}

}  // namespace ndr
