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
  const std::vector<SiteEvidence> ranked = rank_sites({{3, 1}, {4, 0}, {2, 2}}, 4, 4);
  CHECK(ranked[0].site == 1);
  CHECK(ranked[0].adjusted_p == Approx(3.0 / 70));
  CHECK(ranked[1].site == 0);
  CHECK(ranked[1].adjusted_p == Approx(2 * 17.0 / 70));
  CHECK(ranked[2].adjusted_p >= ranked[1].adjusted_p);
  CHECK(ranked[2].adjusted_p <= 1);
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
