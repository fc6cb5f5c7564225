#pragma once
#include <cstdint>

#include "analyzer/statistics/sprt.hpp"

namespace ndr {

/// The runs that showed the failure before the fix: 1 <= matched <= runs.
struct Baseline {
  std::int64_t matched = 0;
  std::int64_t runs = 0;
  /// They went on until so many matched. A first match comes by luck as often early as late, so that the baseline then
  /// says less: matched counts as `matched`, otherwise as matched + 1/2 (Jeffreys' priors of the negative binomial
  /// Beta(0, 1/2), and of the binomial Beta(1/2, 1/2)).
  bool until_matched = false;
};

/// Clean runs after which a program that still matches at a *known* rate would have matched with probability
/// 1 - risk: ln(risk) / ln(1 - rate), rounded up. 0 < rate < 1.
std::int64_t clean_runs_at(double rate, double risk);

/// P(n clean runs | the program is as it was), over all rates that the baseline leaves open: B(a, b+n) / B(a, b), with
/// a = matched + 1/2 and b = runs - matched + 1/2 (beta-binomial; Gelman et al., Bayesian Data Analysis, 3rd ed., 2.4).
double miss_probability(std::int64_t clean_runs, const Baseline& baseline);

/// The fewest clean runs whose `miss_probability` is at most `risk`.
std::int64_t clean_runs_needed(const Baseline& baseline, double risk);

/// P(the test says fixed | the program is as it was), over all rates that the baseline leaves open: every way through
/// the test by Polya's urn, those with matches on the way too.
double false_fix_probability(const Sprt& test, const Baseline& baseline);

/// The rate p1 to test against, so that the test is wrong about a program as it was with probability `risk` at most,
/// the baseline's doubt included: the largest for which `false_fix_probability` keeps it, but not above the posterior's
/// mean. Below the observed rate by as much as the baseline is short.
double broken_rate_for(const Baseline& baseline, double risk);

/// The test of a fix: against `broken_rate_for`, and never fixed before `clean_runs_needed`.
///
/// Guaranteed is the average: of programs whose rate is drawn from the prior, whatever ended their baseline, those that
/// were not fixed are called fixed with probability `risk` at most, and given each baseline too. Not guaranteed is each
/// single rate: a rare failure that the baseline happened to match early is called fixed more often. With
/// `until_matched` it holds for each small rate by itself. A program that matches at a tenth of p1 is called still
/// failing with probability about `risk`; one that never matches, never.
Sprt fix_trial(const Baseline& baseline, double risk);

}  // namespace ndr
