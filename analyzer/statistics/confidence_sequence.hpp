#pragma once
#include <cstdint>

#include "analyzer/statistics/interval.hpp"

namespace ndr {

/// Interval for the rate behind k hits in n runs that may be looked at after each run, and after which one may stop for
/// any reason: with probability `confidence` the intervals of *all* moments hold the rate. It is the set of rates
/// against which the likelihood ratio of a Beta(1/2, 1/2) mixture stays below 1 / (1 - confidence) (Robbins, Ann. Math.
/// Stat. 41, 1970; Ville's inequality; Howard, Ramdas, McAuliffe and Sekhon, Ann. Stat. 49, 2021). For pages that are
/// watched, and for arms whose number of runs was chosen by their results. 0 <= k <= n; no run says nothing: [0, 1].
Interval confidence_sequence(std::int64_t hits, std::int64_t runs, double confidence);

}  // namespace ndr
