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

/// The largest rate that n runs without a hit leave open, one-sided: 1 - (1 - confidence)^(1/n), about 3/n at 95 %
/// (Hanley and Lippman-Hand, JAMA 249, 1983).
double upper_bound_without_hits(std::int64_t runs, double confidence);

/// The smallest rate that n runs with nothing but hits leave open, one-sided: (1 - confidence)^(1/n).
double lower_bound_with_only_hits(std::int64_t runs, double confidence);

/// Estimate of the rate where runs went on until the k-th hit, which came at run n: (k-1)/(n-1) (Haldane, Biometrika
/// 33, 1945). k >= 2.
double haldane(std::int64_t hits, std::int64_t runs);

}  // namespace ndr
