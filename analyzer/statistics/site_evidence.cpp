#include "analyzer/statistics/site_evidence.hpp"

#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>

#include "analyzer/assert.hpp"

namespace ndr {
namespace {

constexpr double largest_error = 0.01;

using Counts = std::vector<DelayedRuns>;  // of one site, or of all runs, by arm

double log_choose(double n, double k) {
  using boost::math::lgamma;
  return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/// How many of the delayed runs are among the matched ones where delays were dealt without regard to them.
struct Dealt {
  std::int64_t least = 0;
  std::vector<double> chances;  // of least, least + 1, …
};

/// The hypergeometric distribution of one arm.
Dealt dealt(const DelayedRuns& site, const DelayedRuns& total) {
  const std::int64_t delayed = site.matched + site.passed;
  const std::int64_t least = std::max<std::int64_t>(0, delayed - total.passed);
  const std::int64_t most = std::min(delayed, total.matched);
  Dealt dealt{least, {}};
  const auto m = static_cast<double>(total.matched);
  const auto f = static_cast<double>(total.passed);
  const auto n = static_cast<double>(delayed);
  for (std::int64_t count = least; count <= most; ++count) {
    const auto x = static_cast<double>(count);
    dealt.chances.push_back(std::exp(log_choose(m, x) + log_choose(f, n - x) - log_choose(m + f, n)));
  }
  return dealt;
}

/// Of the sum of two.
Dealt together(const Dealt& one, const Dealt& other) {
  Dealt sum{one.least + other.least, std::vector<double>(one.chances.size() + other.chances.size() - 1, 0.0)};
  for (std::size_t i = 0; i < one.chances.size(); ++i)
    for (std::size_t k = 0; k < other.chances.size(); ++k)
      sum.chances[i + k] += one.chances[i] * other.chances[k];
  return sum;
}

struct ExactTest {
  double p = 1;      // of as many matched runs as were seen, or more
  double least = 1;  // of as many as there could be
};

ExactTest exact_test(const Counts& site, const Counts& totals) {
  Dealt sum{0, {1.0}};
  std::int64_t seen = 0;
  for (std::size_t arm = 0; arm < totals.size(); ++arm) {
    seen += site[arm].matched;
    sum = together(sum, dealt(site[arm], totals[arm]));
  }
  double tail = 0;
  for (auto i = static_cast<std::size_t>(seen - sum.least); i < sum.chances.size(); ++i)
    tail += sum.chances[i];
  return {std::min(1.0, seen == sum.least ? 1.0 : tail), std::min(1.0, sum.chances.back())};
}

/// 1/2 is added to each count of the sum, in each arm by its share of the runs: with one arm the ratio of Katz.
void put_ratio(SiteEvidence& evidence, const Counts& site, const Counts& totals) {
  constexpr double deviations = 1.959963984540054;  // 95 %, two-sided
  double all = 0;
  for (const DelayedRuns& total : totals)
    all += static_cast<double>(total.matched + total.passed);
  double with_delay = 0, without = 0, spread = 0;
  for (std::size_t arm = 0; arm < totals.size(); ++arm) {
    const auto runs = static_cast<double>(totals[arm].matched + totals[arm].passed);
    if (runs <= 0) continue;
    const double half = 0.5 * runs / all;
    const double a = static_cast<double>(site[arm].matched) + half;
    const double delayed = static_cast<double>(site[arm].matched + site[arm].passed) + half;
    const double c = static_cast<double>(totals[arm].matched - site[arm].matched) + half;
    const double others = runs - static_cast<double>(site[arm].matched + site[arm].passed) + half;
    const double n = delayed + others;
    with_delay += a * others / n;
    without += c * delayed / n;
    spread += ((a + c) * delayed * others - a * c * n) / (n * n);
  }
  evidence.ratio = with_delay / without;
  const double factor = std::exp(deviations * std::sqrt(std::max(0.0, spread / (with_delay * without))));
  evidence.low = evidence.ratio / factor;
  evidence.high = evidence.ratio * factor;
}

/// The largest p that could still be told from chance, and so which sites are hypotheses: the least k for which no more
/// than k sites could have p at most error / k.
double largest_testable(std::vector<double> least) {
  std::sort(least.begin(), least.end());
  for (std::size_t k = 1; k <= least.size(); ++k) {
    const double bound = largest_error / static_cast<double>(k);
    if (k == least.size() || least[k] > bound) return bound;
  }
  return largest_error;
}

}  // namespace

std::vector<SiteEvidence> rank_sites(const std::vector<DelayedRuns>& sites, std::int64_t matched, std::int64_t passed) {
  std::vector<Counts> counts;
  for (const DelayedRuns& site : sites)
    counts.push_back({site});
  return rank_sites(counts, Counts{DelayedRuns{matched, passed}});
}

std::vector<SiteEvidence> rank_sites(const std::vector<std::vector<DelayedRuns>>& sites,
                                     const std::vector<DelayedRuns>& totals) {
  std::vector<SiteEvidence> ranked(sites.size());
  std::vector<double> least(sites.size());
  for (std::size_t i = 0; i < sites.size(); ++i) {
    NDR_ASSERT(sites[i].size() == totals.size());
    for (std::size_t arm = 0; arm < totals.size(); ++arm) {
      const DelayedRuns& site = sites[i][arm];
      NDR_ASSERT(site.matched >= 0 && site.matched <= totals[arm].matched);
      NDR_ASSERT(site.passed >= 0 && site.passed <= totals[arm].passed);
    }
    const ExactTest test = exact_test(sites[i], totals);
    ranked[i].site = i;
    ranked[i].p = test.p;
    least[i] = test.least;
    put_ratio(ranked[i], sites[i], totals);
  }
  const double testable = largest_testable(least);
  const auto hypotheses = std::count_if(least.begin(), least.end(), [&](double p) { return p <= testable; });
  std::stable_sort(ranked.begin(), ranked.end(), [](const SiteEvidence& one, const SiteEvidence& other) {
    return one.p != other.p ? one.p < other.p : one.ratio > other.ratio;
  });
  double before = 0;
  auto left = static_cast<double>(hypotheses);
  for (SiteEvidence& evidence : ranked) {
    if (least[evidence.site] > testable) continue;
    before = std::clamp(left-- * evidence.p, before, 1.0);
    evidence.adjusted_p = before;
    evidence.stands_out = before < largest_error && evidence.low > 1.5;
  }
  return ranked;
}

}  // namespace ndr
