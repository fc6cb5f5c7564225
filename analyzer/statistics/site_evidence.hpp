#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ndr {

/// Runs in which one site was delayed: those of them that matched, and that passed.
struct DelayedRuns {
  std::int64_t matched = 0;
  std::int64_t passed = 0;
};

/// How much delaying a site does to the failure.
struct SiteEvidence {
  std::size_t site = 0;  // its place in the input
  double ratio = 1;      // of the rates with the delay and without
  double low = 0;        // 95 % interval of the ratio
  double high = 0;
  double p = 1;           // one-sided
  double adjusted_p = 1;  // for having looked at all sites
  bool stands_out = false;
};

/// Which sites matter to the failure, the strongest first. `matched` and `passed`: all runs of the same arm, with one
/// set of parameters, where delays were drawn by seeds that know nothing of the outcome.
///
/// p is Fisher's exact test (J. R. Stat. Soc. 98, 1935), one-sided: no other site of the run matters to it, nor what
/// ended the runs. Adjusted by Holm (Scand. J. Stat. 6, 1979) and not by Benjamini and Hochberg: sites of one run are
/// delayed together, under which Holm's holds unchanged, and it bounds the chance of naming *any* wrong site, which is
/// what people act on. ratio and interval are Katz's of logarithms with 1/2 added to each count (Katz et al.,
/// Biometrics 34, 1978; Pettigrew, Gart and Thomas, Biometrika 73, 1986). A site stands out with adjusted p < 1 % and
/// low > 1.5: on noise any does in at most one of a hundred searches.
std::vector<SiteEvidence> rank_sites(const std::vector<DelayedRuns>& sites, std::int64_t matched, std::int64_t passed);

/// The same over several arms or sets of parameters at once: `totals` has all runs of each, a site one entry for each
/// of them, in that order. Pooled, an arm of many delays and many matches would give each of its sites a bad name; so
/// what is counted is added up over arms that stay apart. p is that of the sum of their hypergeometric counts (the
/// exact test of a common odds ratio, Mantel and Haenszel, JNCI 22, 1959; Gart, Biometrika 57, 1970); ratio and
/// interval are those of Mantel and Haenszel with Greenland and Robins' variance (Biometrics 41, 1985), 1/2 added to
/// each count of the sum.
///
/// Sites that could not stand out even if they had been delayed in matched runs alone are no hypotheses: they are left
/// out of the adjustment and have adjusted p 1 (Tarone, Biometrics 46, 1990). Which they are is said by margins alone.
std::vector<SiteEvidence> rank_sites(const std::vector<std::vector<DelayedRuns>>& sites,
                                     const std::vector<DelayedRuns>& totals);

}  // namespace ndr
