#include "analyzer/statistics/fix_trial.hpp"

#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <map>

#include "analyzer/assert.hpp"

namespace ndr {
namespace {

/// Beta(a, b) of the rate.
struct RatePosterior {
  double a;
  double b;
};

RatePosterior posterior_of(const Baseline& baseline) {
  NDR_ASSERT(baseline.matched >= 1 && baseline.runs >= baseline.matched);
  return {static_cast<double>(baseline.matched) + (baseline.until_matched ? 0.0 : 0.5),
          static_cast<double>(baseline.runs - baseline.matched) + 0.5};
}

/// Where the test may stand after some runs: matches so far, and the probability. A handful at most lie between the two
/// bounds.
using Standing = std::map<std::int64_t, double>;

/// One run further; gives what was called fixed by it.
double step(Standing& standing, const Sprt& test, const RatePosterior& posterior, std::int64_t runs) {
  Standing next;
  double fixed = 0;
  for (const auto& [matched, probability] : standing) {
    const double rate =
        (posterior.a + static_cast<double>(matched)) / (posterior.a + posterior.b + static_cast<double>(runs));
    const std::int64_t clean = runs - matched;
    if (clean + 1 >= test.clean_runs_to_fixed(matched))
      fixed += probability * (1 - rate);
    else
      next[matched] += probability * (1 - rate);
    if (!test.is_failing_at(clean, matched + 1)) next[matched + 1] += probability * rate;
  }
  standing = std::move(next);
  return fixed;
}

}  // namespace

std::int64_t clean_runs_at(double rate, double risk) {
  NDR_ASSERT(rate > 0 && rate < 1 && risk > 0 && risk < 1);
  return static_cast<std::int64_t>(std::ceil(std::log(risk) / std::log1p(-rate)));
}

double miss_probability(std::int64_t clean_runs, const Baseline& baseline) {
  NDR_ASSERT(clean_runs >= 0);
  using boost::math::lgamma;
  const auto [a, b] = posterior_of(baseline);
  const auto n = static_cast<double>(clean_runs);
  return std::exp(lgamma(b + n) - lgamma(a + b + n) - lgamma(b) + lgamma(a + b));
}

std::int64_t clean_runs_needed(const Baseline& baseline, double risk) {
  NDR_ASSERT(risk > 0 && risk < 1);
  std::int64_t enough = 1;
  while (miss_probability(enough, baseline) > risk)
    enough *= 2;
  std::int64_t too_few = enough / 2;
  while (enough - too_few > 1) {
    const std::int64_t middle = too_few + (enough - too_few) / 2;
    (miss_probability(middle, baseline) > risk ? too_few : enough) = middle;
  }
  return enough;
}

double false_fix_probability(const Sprt& test, const Baseline& baseline) {
  const RatePosterior posterior = posterior_of(baseline);
  constexpr double negligible = 1e-6;  // and counted as fixed, so that the sum errs on the safe side
  Standing standing{{0, 1.0}};
  double fixed = 0;
  double undecided = 1;
  for (std::int64_t runs = 0; undecided > negligible; ++runs) {
    fixed += step(standing, test, posterior, runs);
    undecided = 0;
    for (const auto& [matched, probability] : standing)
      undecided += probability;
  }
  return fixed + undecided;
}

double broken_rate_for(const Baseline& baseline, double risk) {
  const auto [a, b] = posterior_of(baseline);
  const auto keeps_risk = [&](double rate) { return false_fix_probability(Sprt(rate, risk), baseline) <= risk; };
  double high = a / (a + b);
  if (keeps_risk(high)) return high;
  double low = high / 2;
  while (!keeps_risk(low)) {
    high = low;
    low /= 2;
  }
  // To a thousandth: runs come whole, and each trial of a rate goes through all ways of the test.
  while (high / low > 1.001) {
    const double middle = std::sqrt(low * high);
    (keeps_risk(middle) ? low : high) = middle;
  }
  return low;
}

Sprt fix_trial(const Baseline& baseline, double risk) {
  return Sprt{broken_rate_for(baseline, risk), risk, clean_runs_needed(baseline, risk)};
}

}  // namespace ndr
