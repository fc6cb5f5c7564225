#include "analyzer/statistics/inverse_sampling.hpp"

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/binomial.hpp>

#include "analyzer/assert.hpp"
#include "analyzer/statistics/bisection.hpp"

namespace ndr {
namespace {

using Binomial = boost::math::binomial_distribution<>;

/// P(at least k of n); k may be below 0 or above n.
double at_least(std::int64_t k, std::int64_t n, double rate) {
  if (k <= 0) return 1;
  if (k > n) return 0;
  return boost::math::cdf(boost::math::complement(Binomial(static_cast<double>(n), rate), static_cast<double>(k - 1)));
}

/// P(the runs before the last batch match `wanted` times, or all runs `matched` times).
double so_high(std::int64_t wanted, std::int64_t matched, std::int64_t runs, std::int64_t last_batch, double rate) {
  const std::int64_t before = runs - last_batch;
  double sum = at_least(wanted, before, rate);
  for (std::int64_t k = 0; k < wanted && k <= before; ++k)
    sum += boost::math::pdf(Binomial(static_cast<double>(before), rate), static_cast<double>(k)) *
           at_least(matched - k, last_batch, rate);
  return sum;
}

}  // namespace

Interval interval_until(std::int64_t wanted, std::int64_t matched, std::int64_t runs, double confidence,
                        std::int64_t last_batch) {
  NDR_ASSERT(wanted >= 1 && runs >= 1 && matched >= 0 && matched <= runs && last_batch >= 1 && last_batch <= runs);
  NDR_ASSERT(matched < wanted + last_batch && confidence > 0 && confidence < 1);
  if (matched < wanted) return clopper_pearson(matched, runs, confidence);
  const double tail = (1 - confidence) / 2;
  if (last_batch == 1) {
    const auto k = static_cast<double>(matched);
    const auto others = static_cast<double>(runs - matched);
    Interval interval = clopper_pearson(matched, runs, confidence);
    interval.high =
        matched == runs ? 1.0 : boost::math::quantile(boost::math::beta_distribution<>(k, others), 1 - tail);
    return interval;
  }
  Interval interval;
  interval.low = last_true(0, 1, [&](double rate) { return so_high(wanted, matched, runs, last_batch, rate) < tail; });
  interval.high =
      last_true(0, 1, [&](double rate) { return so_high(wanted, matched + 1, runs, last_batch, rate) < 1 - tail; });
  return interval;
}

}  // namespace ndr
