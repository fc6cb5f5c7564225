#include "analyzer/statistics/site_evidence.hpp"

#include <cstdint>
#include <vector>

#include "analyzer/statistics/random.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

struct Runs {
  std::vector<DelayedRuns> sites;
  std::int64_t matched = 0;
  std::int64_t passed = 0;
};

/// Runs until 12 match, in each of which a site is delayed by a chance of its own, sites of one group together. The
/// rate is `with` where the first site was delayed, and `without` where not.
Runs make_runs(std::size_t sites, std::size_t group, double with, double without, RandomStream& random) {
  Runs runs{.sites = std::vector<DelayedRuns>(sites)};
  while (runs.matched < 12 && runs.matched + runs.passed < 400) {
    std::vector<bool> delayed(sites);
    for (std::size_t i = 0; i < sites; ++i)
      delayed[i] = i % group == 0 ? random.fraction() < 0.05 + 0.9 * static_cast<double>(i) / static_cast<double>(sites)
                                  : delayed[i - 1];
    if (sites > 0 && with != without) delayed[0] = random.fraction() < 0.3;
    const bool matched = random.fraction() < (delayed[0] ? with : without);
    ++(matched ? runs.matched : runs.passed);
    for (std::size_t i = 0; i < sites; ++i)
      if (delayed[i]) ++(matched ? runs.sites[i].matched : runs.sites[i].passed);
  }
  return runs;
}

}  // namespace

TEST_CASE("Fisher's tea taster has the published chances") {
  CHECK(rank_sites({{3, 1}}, 4, 4)[0].p == Approx(17.0 / 70));
  CHECK(rank_sites({{4, 0}}, 4, 4)[0].p == Approx(1.0 / 70));
  CHECK(rank_sites({{0, 4}}, 4, 4)[0].p == 1);
}

TEST_CASE("the ratio of rates has Katz's interval") {
  // (9.5 / 30.5) / (1.5 / 70.5), spread exp(1.96 sqrt(1/9.5 - 1/30.5 + 1/1.5 - 1/70.5)) = exp(1.6687).
  const SiteEvidence evidence = rank_sites({{9, 21}}, 10, 90)[0];
  CHECK(evidence.ratio == Approx(14.639).epsilon(1e-3));
  CHECK(evidence.low == Approx(14.639 / 5.305).epsilon(2e-3));
  CHECK(evidence.high == Approx(14.639 * 5.305).epsilon(2e-3));
}

TEST_CASE("Holm's adjustment weighs the smallest by all sites and never falls") {
  const std::vector<SiteEvidence> ranked = rank_sites({{7, 1}, {8, 0}, {6, 2}}, 8, 8);
  CHECK(ranked[0].site == 1);
  CHECK(ranked[0].adjusted_p == Approx(3.0 / 12870));
  CHECK(ranked[1].site == 0);
  CHECK(ranked[1].adjusted_p == Approx(2 * 65.0 / 12870));
  CHECK(ranked[2].adjusted_p >= ranked[1].adjusted_p);
  CHECK(ranked[2].adjusted_p <= 1);
}

TEST_CASE("a site that could not be told from chance is no hypothesis") {
  // 9 of 10 delayed in two runs each at most: 1 in 45 is the least that those could have.
  std::vector<DelayedRuns> sites(9, DelayedRuns{1, 1});
  sites.push_back({9, 1});
  const std::vector<SiteEvidence> ranked = rank_sites(sites, 10, 90);
  CHECK(ranked[0].site == 9);
  CHECK(ranked[0].adjusted_p == ranked[0].p);
  CHECK(ranked[0].stands_out);
  CHECK(ranked[1].adjusted_p == 1);
}

TEST_CASE("arms are not pooled: one of many delays and many matches accuses nobody") {
  // Within each arm every second, or every fiftieth run is delayed, whatever became of it.
  const std::vector<DelayedRuns> totals{{40, 40}, {2, 1000}};
  const std::vector<DelayedRuns> innocent{{20, 20}, {0, 20}};
  CHECK(rank_sites({{20, 40}}, 42, 1040)[0].stands_out);
  const SiteEvidence apart = rank_sites({innocent}, totals)[0];
  CHECK_FALSE(apart.stands_out);
  CHECK(apart.ratio == Approx(1).margin(0.1));
}

TEST_CASE("what several arms show little of, they show together") {
  const std::vector<DelayedRuns> totals{{3, 200}, {3, 100}, {3, 50}};
  const std::vector<std::vector<DelayedRuns>> sites{{{3, 50}, {3, 25}, {3, 12}}, {{1, 50}, {1, 25}, {0, 12}}};
  const std::vector<SiteEvidence> ranked = rank_sites(sites, totals);
  CHECK(ranked[0].site == 0);
  CHECK(ranked[0].stands_out);
  CHECK_FALSE(ranked[1].stands_out);
  CHECK_FALSE(rank_sites({{3, 50}}, 3, 200)[0].stands_out);
  // The product of three times C(53, 3) / C(203, 3) and so on: nothing is more extreme than all of them.
  const double all =
      (53. * 52 * 51) / (203. * 202 * 201) * (28. * 27 * 26) / (103. * 102 * 101) * (15. * 14 * 13) / (53. * 52 * 51);
  CHECK(ranked[0].p == Approx(all).epsilon(1e-9));
}

TEST_CASE("no sites, no matches and delays in every run name nothing") {
  CHECK(rank_sites({}, 3, 4).empty());
  CHECK_FALSE(rank_sites({{0, 5}}, 0, 10)[0].stands_out);
  CHECK_FALSE(rank_sites({{5, 10}}, 5, 10)[0].stands_out);
  CHECK_FALSE(rank_sites({{0, 0}}, 5, 10)[0].stands_out);
  CHECK_FALSE(rank_sites({{5, 0}}, 5, 0)[0].stands_out);
  CHECK(rank_sites({{0, 0}}, 0, 0)[0].p == 1);
}

TEST_CASE("noise names a site in one of a hundred searches at most") {
  const std::uint64_t seed = 61;
  INFO("seed " << seed);
  RandomStream random(seed);
  for (const std::size_t group : {1, 5}) {
    int named = 0;
    for (int search = 0; search < 500; ++search) {
      const Runs runs = make_runs(200, group, 0.15, 0.15, random);
      named += rank_sites(runs.sites, runs.matched, runs.passed)[0].stands_out ? 1 : 0;
    }
    INFO("groups of " << group);
    CHECK(named <= 5);
  }
}

TEST_CASE("a site that matters is named first") {
  const std::uint64_t seed = 67;
  INFO("seed " << seed);
  RandomStream random(seed);
  int named = 0;
  int wrong = 0;
  for (int search = 0; search < 200; ++search) {
    const Runs runs = make_runs(200, 1, 0.4, 0.01, random);
    for (const SiteEvidence& evidence : rank_sites(runs.sites, runs.matched, runs.passed)) {
      if (!evidence.stands_out) continue;
      ++(evidence.site == 0 ? named : wrong);
    }
  }
  CHECK(named >= 180);
  CHECK(wrong <= 2);
}
