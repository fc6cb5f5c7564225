#pragma once
#include <cstdint>

namespace ndr {

/// A range of rates, 0 <= low <= high <= 1.
struct Interval {
  double low = 0;
  double high = 1;
};

/// Clopper and Pearson's exact two-sided interval for the rate behind k hits in n runs (Biometrika 26, 1934): quantiles
/// of Beta(k, n-k+1) and Beta(k+1, n-k). 0 <= k <= n, n >= 1, 0 < confidence < 1.
Interval clopper_pearson(std::int64_t hits, std::int64_t runs, double confidence);

/// Wilson's score interval, for display: it covers as often as it says on average, not always (Wilson, J. Am. Stat.
/// Assoc. 22, 1927; recommended for small n by Brown, Cai and DasGupta, Statistical Science 16, 2001). Arguments as
/// above.
Interval wilson(std::int64_t hits, std::int64_t runs, double confidence);

/// Equal-tailed interval of the posterior under Jeffreys' prior Beta(1/2, 1/2), with 0 and 1 as bounds at no hit and at
/// nothing but hits (Brown, Cai and DasGupta 2001, section 4.1.2). For display; arguments as above.
Interval jeffreys(std::int64_t hits, std::int64_t runs, double confidence);

/// Interval for the rate where runs went on until the first hit, which came at run n >= 1: the rates at which it comes
/// so late at most, or at least, with probability (1 - confidence) / 2 each (geometric distribution).
Interval first_hit_interval(std::int64_t runs, double confidence);

/// The largest rate that n runs without a hit leave open, one-sided: 1 - (1 - confidence)^(1/n), about 3/n at 95 %
/// (Hanley and Lippman-Hand, JAMA 249, 1983).
double upper_bound_without_hits(std::int64_t runs, double confidence);

/// The smallest rate that n runs with nothing but hits leave open, one-sided: (1 - confidence)^(1/n).
double lower_bound_with_only_hits(std::int64_t runs, double confidence);

/// The probability that n >= 0 runs hit at least once at `rate`: 1 - (1 - rate)^n.
double chance_of_hit(double rate, std::int64_t runs);

/// The smallest rate that n runs hit at least once with probability `chance`: 1 - (1 - chance)^(1/n).
double smallest_rate_seen(std::int64_t runs, double chance = 0.9);

/// Estimate of the rate where runs went on until the k-th hit, which came at run n: (k-1)/(n-1) (Haldane, Biometrika
/// 33, 1945). k >= 2.
double haldane(std::int64_t hits, std::int64_t runs);

}  // namespace ndr
