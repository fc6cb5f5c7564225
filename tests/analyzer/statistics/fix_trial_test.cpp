#include "analyzer/statistics/fix_trial.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>

#include "analyzer/statistics/budget.hpp"
#include "analyzer/statistics/random.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

FixState decide(Sprt test, double rate, RandomStream& random) {
  while (test.state() == FixState::undecided) {
    const bool matched = random.fraction() < rate;
    test.add(matched ? 0 : 1, matched ? 1 : 0);
  }
  return test.state();
}

/// Of 2,000 trials.
double share_of(FixState state, const Sprt& test, double rate, RandomStream& random) {
  int count = 0;
  for (int i = 0; i < 2000; ++i)
    count += decide(test, rate, random) == state ? 1 : 0;
  return count / 2000.0;
}

constexpr double slack = 3 * 0.00487;  // deviations of a share of 5 % in 2,000

}  // namespace

TEST_CASE("a known rate needs the published numbers of clean runs") {
  CHECK(clean_runs_at(0.30, 0.05) == 9);
  CHECK(clean_runs_at(0.10, 0.05) == 29);
  CHECK(clean_runs_at(0.01, 0.05) == 299);
}

TEST_CASE("the doubt of the baseline needs the published numbers of clean runs") {
  CHECK(miss_probability(29, Baseline{1, 10}) == Approx(0.126).margin(0.0005));
  CHECK(clean_runs_needed(Baseline{1, 10}, 0.05) == 63);
  CHECK(clean_runs_needed(Baseline{3, 10}, 0.05) == 12);
  CHECK(clean_runs_needed(Baseline{3, 50}, 0.05) == 66);
  CHECK(clean_runs_needed(Baseline{10, 100}, 0.05) == 32);
  CHECK(miss_probability(0, Baseline{3, 10}) == Approx(1));
}

TEST_CASE("the fewest clean runs keep the risk, one fewer does not") {
  for (const Baseline& baseline : {Baseline{1, 1}, Baseline{1, 2000}, Baseline{3, 10, true}, Baseline{50, 50},
                                   Baseline{3, 1000000}, Baseline{900, 1000}}) {
    const std::int64_t needed = clean_runs_needed(baseline, 0.05);
    INFO(baseline.matched << "/" << baseline.runs);
    CHECK(miss_probability(needed, baseline) <= 0.05);
    CHECK(miss_probability(needed - 1, baseline) > 0.05);
  }
}

TEST_CASE("the sequential test accepts after the published numbers of clean runs") {
  CHECK(Sprt(0.1, 0.05).clean_runs_to_go() == 31);
  CHECK(Sprt(0.3, 0.05).clean_runs_to_go() == 10);
  Sprt test(0.1, 0.05);
  test.add(30, 0);
  CHECK(test.state() == FixState::undecided);
  CHECK(test.clean_runs_to_go() == 1);
  test.add(1, 0);
  CHECK(test.state() == FixState::fixed);
  CHECK(test.clean_runs_to_go() == 0);
}

TEST_CASE("two matches soon after another show that it still fails, one asks for more runs") {
  Sprt test(0.1, 0.05);
  test.add(0, 1);
  CHECK(test.state() == FixState::undecided);
  CHECK(test.clean_runs_to_go() == 56);
  test.add(5, 1);
  CHECK(test.state() == FixState::still_failing);
  test.add(1000, 0);
  CHECK(test.state() == FixState::still_failing);
}

TEST_CASE("a bulk of runs is decided as its runs are together") {
  Sprt bulk(0.1, 0.05);
  bulk.add(20, 1);
  Sprt single(0.1, 0.05);
  for (int i = 0; i < 20; ++i)
    single.add(1, 0);
  single.add(0, 1);
  CHECK(bulk.clean_runs_to_go() == single.clean_runs_to_go());
}

TEST_CASE("the sequential test errs no more often than it says") {
  const std::uint64_t seed = 345;
  INFO("seed " << seed);
  RandomStream random(seed);
  for (const double rate : {0.02, 0.1, 0.3, 0.9}) {
    const Sprt test(rate, 0.05);
    INFO(rate);
    CHECK(share_of(FixState::fixed, test, rate, random) <= 0.05 + slack);
    CHECK(share_of(FixState::fixed, test, std::min(0.99, rate * 1.5), random) <= 0.05);
    CHECK(share_of(FixState::still_failing, test, rate / 10, random) <= 0.05 + slack);
    CHECK(share_of(FixState::still_failing, test, 0, random) == 0);
  }
}

TEST_CASE("the tested rate leaves room for the doubt of the baseline") {
  for (const Baseline& baseline : {Baseline{1, 10}, Baseline{3, 10}, Baseline{3, 50}, Baseline{10, 100},
                                   Baseline{10, 10}, Baseline{3, 50, true}}) {
    const double rate = broken_rate_for(baseline, 0.05);
    const double observed = static_cast<double>(baseline.matched) / static_cast<double>(baseline.runs);
    INFO(baseline.matched << "/" << baseline.runs << " -> " << rate);
    CHECK(rate <= observed);
    CHECK(rate > observed / 100);
    CHECK(false_fix_probability(Sprt(rate, 0.05), baseline) <= 0.05);
    const Sprt trial = fix_trial(baseline, 0.05);
    CHECK(trial.clean_runs_to_go() >= clean_runs_needed(baseline, 0.05));
    CHECK(miss_probability(trial.clean_runs_to_go(), baseline) <= 0.05);
  }
}

TEST_CASE("a rare failure's test keeps the risk at little more than the length it must have") {
  for (const Baseline& baseline : {Baseline{3, 12001}, Baseline{1, 9999, true}, Baseline{3, 100000}}) {
    const double rate = broken_rate_for(baseline, 0.05);
    const double probability = false_fix_probability(Sprt(rate, 0.05), baseline);
    INFO(baseline.matched << "/" << baseline.runs << " -> " << rate);
    CHECK(probability <= 0.05);
    CHECK(probability > 0.0475);
  }
  CHECK(fix_trial(Baseline{3, 100000000}, 0.05).clean_runs_to_go() == Approx(1.74e8).epsilon(0.02));
}

TEST_CASE("the chance of a false fix is that of simulated programs") {
  const std::uint64_t seed = 99;
  INFO("seed " << seed);
  RandomStream random(seed);
  const Sprt test(0.06, 0.05);
  int fixed = 0;
  for (int i = 0; i < 20000; ++i)
    fixed += decide(test, random.beta(3.5, 47.5), random) == FixState::fixed ? 1 : 0;
  const double known = false_fix_probability(test, Baseline{3, 50});
  CHECK(known > 0.05);
  CHECK(fixed / 20000.0 == Approx(known).margin(3 * std::sqrt(known * (1 - known) / 20000)));
}

TEST_CASE("programs that were not fixed are called fixed as rarely as promised, over their rates") {
  const std::uint64_t seed = 2718;
  INFO("seed " << seed);
  RandomStream random(seed);
  std::map<std::pair<std::int64_t, std::int64_t>, Sprt> known;
  int trials = 0;
  int fixed = 0;
  for (int i = 0; i < 4000; ++i) {
    const double rate = random.beta(0.5, 0.5);
    Baseline baseline;
    while (baseline.matched < 3 && baseline.runs < 60) {
      ++baseline.runs;
      baseline.matched += random.fraction() < rate ? 1 : 0;
    }
    if (baseline.matched == 0) continue;
    ++trials;
    const std::pair key{baseline.matched, baseline.runs};
    auto trial = known.find(key);
    if (trial == known.end()) trial = known.emplace(key, fix_trial(baseline, 0.05)).first;
    fixed += decide(trial->second, rate, random) == FixState::fixed ? 1 : 0;
  }
  CHECK(trials > 3000);
  CHECK(static_cast<double>(fixed) / trials <= 0.05);
}

TEST_CASE("a budget holds the published numbers of runs") {
  CHECK(runs_in_budget({.budget_s = 270, .cycle_s = 6}) == 45);
  CHECK(runs_in_budget({.budget_s = 270, .cycle_s = 6, .workers = 8}) == 360);
  CHECK(runs_in_budget({.budget_s = 270, .cycle_s = 20}) == 13);
  CHECK(runs_in_budget({.budget_s = 270, .cycle_s = 60}) == 4);
  CHECK(runs_in_budget({.budget_s = 270, .cycle_s = 6, .reset_s = 15}) == 12);
  CHECK(runs_in_budget({.budget_s = 300, .setup_s = 20, .reserve_s = 10, .cycle_s = 6}) == 45);
  CHECK(runs_in_budget({.budget_s = 10, .setup_s = 20, .cycle_s = 6}) == 0);
}

TEST_CASE("matches are as pure as their signature is narrow") {
  CHECK(match_purity(0.02, 0.02, 1) == Approx(0.5));
  CHECK(match_purity(0.02, 0.02, 0.05) == Approx(0.95).margin(0.005));
  CHECK(match_purity(0.02, 0, 1) == 1);
}

TEST_CASE("a bisection needs the published numbers of clean runs per commit") {
  CHECK(clean_runs_per_commit(0.1, 128, 0.05) == 47);
  CHECK(clean_runs_per_commit(0.3, 128, 0.05) == 14);
}
