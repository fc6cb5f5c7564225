#include "analyzer/statistics/interval.hpp"

#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/normal.hpp>
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

Interval wilson(std::int64_t hits, std::int64_t runs, double confidence) {
  NDR_ASSERT(runs >= 1 && hits >= 0 && hits <= runs && confidence > 0 && confidence < 1);
  const double z = boost::math::quantile(boost::math::normal_distribution<>(), 1 - (1 - confidence) / 2);
  const auto n = static_cast<double>(runs);
  const double p = static_cast<double>(hits) / n;
  const double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {hits == 0 ? 0.0 : centre - half, hits == runs ? 1.0 : centre + half};
}

Interval jeffreys(std::int64_t hits, std::int64_t runs, double confidence) {
  NDR_ASSERT(runs >= 1 && hits >= 0 && hits <= runs && confidence > 0 && confidence < 1);
  const double tail = (1 - confidence) / 2;
  const boost::math::beta_distribution<> posterior(static_cast<double>(hits) + 0.5,
                                                   static_cast<double>(runs - hits) + 0.5);
  Interval interval;
  if (hits > 0) interval.low = boost::math::quantile(posterior, tail);
  if (hits < runs) interval.high = boost::math::quantile(posterior, 1 - tail);
  return interval;
}

Interval first_hit_interval(std::int64_t runs, double confidence) {
  NDR_ASSERT(runs >= 1 && confidence > 0 && confidence < 1);
  const double tail = (1 - confidence) / 2;
  const double high = runs == 1 ? 1.0 : upper_bound_without_hits(runs - 1, 1 - tail);
  return {upper_bound_without_hits(runs, tail), high};
}

double upper_bound_without_hits(std::int64_t runs, double confidence) {
  NDR_ASSERT(runs >= 1 && confidence > 0 && confidence < 1);
  return -std::expm1(std::log1p(-confidence) / static_cast<double>(runs));  // keeps its digits at a million runs
}

double lower_bound_with_only_hits(std::int64_t runs, double confidence) {
  NDR_ASSERT(runs >= 1 && confidence > 0 && confidence < 1);
  return std::pow(1 - confidence, 1 / static_cast<double>(runs));
}

double chance_of_hit(double rate, std::int64_t runs) {
  NDR_ASSERT(rate >= 0 && rate <= 1 && runs >= 0);
  if (rate == 1) return runs == 0 ? 0.0 : 1.0;
  return -std::expm1(static_cast<double>(runs) * std::log1p(-rate));
}

double smallest_rate_seen(std::int64_t runs, double chance) { return upper_bound_without_hits(runs, chance); }

double haldane(std::int64_t hits, std::int64_t runs) {
  NDR_ASSERT(hits >= 2 && runs >= hits);
  return static_cast<double>(hits - 1) / static_cast<double>(runs - 1);
}

}  // namespace ndr
