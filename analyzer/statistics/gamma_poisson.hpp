#pragma once
#include <cstdint>

#include "analyzer/statistics/random.hpp"

namespace ndr {

/// A range of rates per second, 0 <= low <= high.
struct RatePerSecond {
  double low = 0;
  double high = 0;
};

/// What is believed of an arm's failures per second of exposure: Gamma(shape, rate `seconds`), the conjugate of Poisson
/// counts (Gelman et al., Bayesian Data Analysis, 3rd ed., 2.6). A prior counts like `shape` matches in `seconds`; both
/// are > 0.
struct FailureBelief {
  double shape = 0.5;
  double seconds = 1;

  double mean() const { return shape / seconds; }
  /// Exposures of this kind are added, in any order and parts.
  void add(std::int64_t matched, double exposure_s) {
    shape += static_cast<double>(matched);
    seconds += exposure_s;
  }
};

/// A prior with this mean that weighs like `shape` matches.
FailureBelief belief_around(double mean_per_second, double shape);

/// One draw of the rate per second, for Thompson sampling (Thompson, Biometrika 25, 1933).
double draw_rate(const FailureBelief& belief, RandomStream& random);

/// The rate that is exceeded with probability 1 - `confidence` under the belief.
double credible_bound(const FailureBelief& belief, double confidence);

/// The probability that the next `exposure_s` seconds match at least once, the belief's doubt included:
/// 1 - (seconds / (seconds + exposure_s))^shape.
double chance_of_match(const FailureBelief& belief, double exposure_s);

/// The probability that `exposure_s` seconds match at least once at this rate: 1 - exp(-rate t).
double chance_of_match(double rate_per_second, double exposure_s);

/// The smallest rate per second at which `exposure_s` > 0 seconds match at least once with probability `chance`.
double smallest_rate_per_second_seen(double exposure_s, double chance = 0.9);

/// The largest rate per second that t > 0 seconds without a match leave open, one-sided: -ln(1 - confidence) / t.
double rate_bound_without_matches(double exposure_s, double confidence);

/// Garwood's exact two-sided interval (Biometrika 28, 1936) for matches in a time that was given: quantiles of
/// chi-square with 2k and 2k + 2 degrees of freedom, over 2t. k >= 0, t > 0.
RatePerSecond garwood(std::int64_t matched, double exposure_s, double confidence);

/// The same where exposure went on until the k-th match, k >= 1, at `exposure_s`: 2 rate t is chi-square with 2k
/// degrees of freedom. Where it went on until then or until a given time, this for a stop and `garwood` for an end
/// without one are exact together, as in `interval_until`.
RatePerSecond garwood_until(std::int64_t matched, double exposure_s, double confidence);

}  // namespace ndr
