#include "analyzer/statistics/margin.hpp"

#include <algorithm>
#include <boost/math/distributions/non_central_t.hpp>
#include <cmath>
#include <numbers>

#include "analyzer/assert.hpp"
#include "analyzer/statistics/bisection.hpp"

namespace ndr {
namespace {

double normal_below(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

/// The shifts delta of a noncentral t distribution under which `seen` has at most `tail` above or below it.
Interval shifts_of(double seen, double freedom, double tail) {
  const auto below = [&](double shift) {
    return boost::math::cdf(boost::math::non_central_t_distribution<>(freedom, shift), seen);
  };
  // Deviations of the shift beyond its value: the estimate of the deviation varies by 1 / sqrt(2 freedom), and where
  // that is not small against 1, the shift may be far below the value, but has its sign.
  const double reach = 40 + 10 * std::abs(seen);
  constexpr int halvings = 40;  // the distribution's sums are slow, and nine digits enough
  const auto last_above = [&](double share) {
    return last_true(
        seen - reach, seen + reach, [&](double shift) { return below(shift) > share; }, halvings);
  };
  return {last_above(1 - tail), last_above(tail)};
}

}  // namespace

double margin_chance(double mean, double deviation, double threshold, FailingSide side) {
  NDR_ASSERT(deviation > 0);
  const double z = (threshold - mean) / deviation;
  return normal_below(side == FailingSide::below ? z : -z);
}

std::optional<MarginFit> fit_margin(std::span<const double> values, double threshold, FailingSide side,
                                    double confidence) {
  NDR_ASSERT(confidence > 0 && confidence < 1);
  if (values.size() < 3) return std::nullopt;
  const auto n = static_cast<double>(values.size());
  MarginFit fit;
  for (const double value : values)
    fit.mean += value / n;
  double squares = 0;
  for (const double value : values)
    squares += (value - fit.mean) * (value - fit.mean);
  fit.deviation = std::sqrt(squares / (n - 1));
  if (!std::isfinite(fit.deviation) || fit.deviation <= 0) return std::nullopt;
  fit.chance = margin_chance(fit.mean, fit.deviation, threshold, side);
  // Beyond 37 deviations no failure is ever seen, and the noncentral distribution's sums lose their digits.
  const double z = std::clamp((threshold - fit.mean) / fit.deviation, -37.0, 37.0);
  const double towards_failure = side == FailingSide::below ? z : -z;
  const Interval shifts = shifts_of(towards_failure * std::sqrt(n), n - 1, (1 - confidence) / 2);
  fit.chance_interval = {normal_below(shifts.low / std::sqrt(n)), normal_below(shifts.high / std::sqrt(n))};
  return fit;
}

}  // namespace ndr
