#include "analyzer/statistics/site_evidence.hpp"

#include <algorithm>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>

#include "analyzer/assert.hpp"

namespace ndr {
namespace {

double log_choose(double n, double k) {
  using boost::math::lgamma;
  return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/// P(at least so many of the delayed runs are among the matched ones) where delays were dealt without regard to them:
/// the hypergeometric tail, each term from the one before.
double fisher(const DelayedRuns& site, std::int64_t matched, std::int64_t passed) {
  const std::int64_t delayed = site.matched + site.passed;
  if (site.matched <= std::max<std::int64_t>(0, delayed - passed)) return 1;
  const auto m = static_cast<double>(matched);
  const auto f = static_cast<double>(passed);
  const auto n = static_cast<double>(delayed);
  auto x = static_cast<double>(site.matched);
  double term = std::exp(log_choose(m, x) + log_choose(f, n - x) - log_choose(m + f, n));
  double sum = term;
  for (; x < std::min(m, n); ++x) {
    term *= (m - x) * (n - x) / ((x + 1) * (f - n + x + 1));
    sum += term;
  }
  return std::min(1.0, sum);
}

void put_ratio(SiteEvidence& evidence, const DelayedRuns& site, std::int64_t matched, std::int64_t passed) {
  constexpr double deviations = 1.959963984540054;  // 95 %, two-sided
  const double a = static_cast<double>(site.matched) + 0.5;
  const double with = static_cast<double>(site.matched + site.passed) + 0.5;
  const double c = static_cast<double>(matched - site.matched) + 0.5;
  const double without = static_cast<double>(matched + passed - site.matched - site.passed) + 0.5;
  evidence.ratio = a / with / (c / without);
  const double spread = deviations * std::sqrt(1 / a - 1 / with + 1 / c - 1 / without);
  evidence.low = evidence.ratio * std::exp(-spread);
  evidence.high = evidence.ratio * std::exp(spread);
}

}  // namespace

std::vector<SiteEvidence> rank_sites(const std::vector<DelayedRuns>& sites, std::int64_t matched, std::int64_t passed) {
  std::vector<SiteEvidence> ranked(sites.size());
  for (std::size_t i = 0; i < sites.size(); ++i) {
    const DelayedRuns& site = sites[i];
    NDR_ASSERT(site.matched >= 0 && site.matched <= matched && site.passed >= 0 && site.passed <= passed);
    ranked[i].site = i;
    ranked[i].p = fisher(site, matched, passed);
    put_ratio(ranked[i], site, matched, passed);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const SiteEvidence& one, const SiteEvidence& other) {
    return one.p != other.p ? one.p < other.p : one.ratio > other.ratio;
  });
  double before = 0;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    before = std::clamp(static_cast<double>(ranked.size() - i) * ranked[i].p, before, 1.0);
    ranked[i].adjusted_p = before;
    ranked[i].stands_out = before < 0.01 && ranked[i].low > 1.5;
  }
  return ranked;
}

}  // namespace ndr
