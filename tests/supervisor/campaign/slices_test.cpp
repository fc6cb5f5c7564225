#include "supervisor/campaign/slices.hpp"

#include <cmath>
#include <map>
#include <random>
#include <set>

#include "storage/slice_log.hpp"
#include "supervisor/campaign/arm_weights.hpp"
#include "tests/supervisor/campaign/attempt_samples.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

/// A test of 2 ms whose failure each arm brings out at its own rate per run.
struct Race {
  std::map<std::string, double> rates;  // by the arm's name; none: the plain rate
  double plain = 0;
  double other = 0;          // unrelated failures, under every arm
  double other_in_hold = 0;  // and those that holding makes
  std::int64_t run_us = 2000;
  std::int64_t start_us = 0;  // of that, for what no repetition within a run needs again
};

double rate_of(const Race& race, const Arm& arm) {
  const auto found = race.rates.find(arm.name);
  const double once = found == race.rates.end() ? race.plain : found->second;
  return 1 - std::pow(1 - once, arm.iterations);
}

AttemptRow slice_of(const Race& race, const RunAttempt& step, std::mt19937_64& random) {
  AttemptRow row;
  row.phase = step.phase;
  row.arm = step.arm.name;
  row.parameters = parameters_of(step.arm);
  const std::int64_t run_us = race.start_us + (race.run_us - race.start_us) * step.arm.iterations;
  const std::int64_t most = std::max<std::int64_t>(1, step.slice->duration_ms * 1000 / run_us * step.arm.copies);
  const double other = step.arm.name == "hold" ? race.other + race.other_in_hold : race.other;
  std::bernoulli_distribution matches{rate_of(race, step.arm)};
  std::bernoulli_distribution fails{other};
  for (row.runs = 1; row.runs < most; ++row.runs) {
    if (matches(random) && ++row.matched == step.slice->enough_matches) break;
    row.different += fails(random);
  }
  row.exposure_ms = std::max<std::int64_t>(1, row.runs * run_us / step.arm.copies / 1000);
  row.verdict = row.matched > 0 ? Verdict::reproduced : Verdict::passed;
  row.slice_json =
      progress_json({.runs = row.runs, .passed = row.runs, .over = true, .median_us = run_us, .points = 40});
  return row;
}

AttemptRow single_run(const Race& race, const RunAttempt& step) {
  AttemptRow row;
  row.phase = step.phase;
  row.arm = step.arm.name;
  row.parameters = parameters_of(step.arm);
  row.runs = row.iterations = 1;
  row.exposure_ms = std::max<std::int64_t>(1, race.run_us / 1000);
  row.verdict = step.arm.name == recipe_name ? Verdict::reproduced : Verdict::passed;
  row.matched = row.verdict == Verdict::reproduced;
  return row;
}

Policy sliced_policy() {
  Policy policy;
  policy.slices = policy.holds_recipe = true;
  policy.plain_iterations = 1;
  policy.noise_library = "/lib/noise.so";
  policy.arms = {{"copies", 0.15}, {"noise", 0.2}, {"yield", 0.15}, {"hold", 0.15}, {"chaos", 0.2}, {"preempt", 0.1}};
  return policy;
}

struct SlicedEnd {
  Finish finish;
  Progress progress;
  std::int64_t first_match_ms = -1;
  std::map<std::string, std::int64_t> search_ms;
};

constexpr std::int64_t own_cost_ms = 30;  // of an attempt, beside its runs

SlicedEnd simulate_slices(const Race& race, Policy policy, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  policy.seed = seed;
  SlicedEnd end;
  for (;;) {
    const Step step = next_step(policy, end.progress);
    if (const auto* finish = std::get_if<Finish>(&step)) {
      end.finish = *finish;
      return end;
    }
    const RunAttempt& attempt = std::get<RunAttempt>(step);
    const AttemptRow row = attempt.slice ? slice_of(race, attempt, random) : single_run(race, attempt);
    if (attempt.phase == AttemptPhase::search) end.search_ms[row.arm] += row.exposure_ms;
    end.progress = after(policy, end.progress, AttemptEnded{row, false, row.exposure_ms + own_cost_ms});
    if (end.first_match_ms < 0 && row.matched > 0) end.first_match_ms = end.progress.spent_ms;
  }
}

}  // namespace

TEST_CASE("a race that only one arm brings out is found in seconds, whichever arm that is") {
  for (const char* arm : {"copies", "noise", "yield", "hold", "chaos", "preempt"}) {
    INFO("arm " << arm);
    double sum_ms = 0;
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
      const SlicedEnd end = simulate_slices({.rates = {{arm, 0.01}}}, sliced_policy(), seed);
      INFO("seed " << seed);
      REQUIRE(end.finish.outcome == CampaignOutcome::reproduced);
      REQUIRE(end.progress.matched >= 3);
      sum_ms += static_cast<double>(end.first_match_ms);
    }
    CHECK(sum_ms / 25 < 8000);
  }
}

TEST_CASE("where starting is most of a run every second slice repeats the test within it") {
  const Policy policy = sliced_policy();
  const auto iterations = [&](const Race& race) {
    std::map<int, int> slices;
    for (const ArmRecord& record : simulate_slices(race, policy, 3).progress.slices)
      if (record.arm.name == "noise" || record.arm.name == "yield") slices[record.arm.iterations] += record.slices;
    return slices;
  };
  // A start of 6 ms, and 20 us for the test: the first try is of 50 runs' length, then 0.3 s are known to hold some
  // thousand.
  std::map<int, int> gained = iterations({.run_us = 6020, .start_us = 6000});
  CHECK(gained[1] > 10);
  CHECK(gained[1000] > 10);
  CHECK(std::abs(gained[1] - gained[1000]) <= 6);
  // Nothing is gained: what was tried once is let be.
  std::map<int, int> in_vain = iterations({.run_us = 6000});
  CHECK(in_vain[1] > 20);
  CHECK(in_vain.size() <= 2);
  CHECK(in_vain[50] <= 1);
}

TEST_CASE("without a match every arm has at least a twentieth of the search and plain controls a tenth") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    INFO("seed " << seed);
    const SlicedEnd end = simulate_slices({}, sliced_policy(), seed);
    REQUIRE(end.finish.outcome == CampaignOutcome::not_reproduced);
    double all = 0;
    for (const auto& [arm, ms] : end.search_ms)
      all += static_cast<double>(ms);
    // A slice's length is what a share can lack at the end.
    const double slack = 1500 / all;
    CHECK(static_cast<double>(end.search_ms.at("plain")) / all > 0.10 - slack);
    for (const ArmWeight& arm : sliced_policy().arms)
      CHECK(static_cast<double>(end.search_ms.at(arm.name)) / all > 0.05 - slack);
    CHECK(end.progress.spent_ms <= 240000 + 2000);
  }
}

TEST_CASE("a hit is stepped down to the weakest arm that still fails") {
  Race race{.rates = {{"chaos", 0.05}, {"noise", 0.03}, {"yield", 0.02}}};
  int yields = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const SlicedEnd end = simulate_slices(race, sliced_policy(), seed);
    Policy policy = sliced_policy();
    policy.seed = seed;
    const std::optional<Arm> recipe = recipe_arm(policy, end.progress);
    REQUIRE(recipe);
    CHECK(recipe->name != "chaos");
    yields += recipe->name == "yield";
  }
  CHECK(yields >= 18);  // the weakest of the three
}

TEST_CASE("one lucky match of a weaker arm is no recipe") {
  Policy policy = sliced_policy();
  Progress now;
  ArmRecord lucky, proven;
  lucky.arm = slice_arm("copies", 0, policy, now);
  lucky.matched = 1;
  lucky.exposure_ms = 1000;
  proven.arm = slice_arm("noise", 0, policy, now);
  proven.matched = 3;
  proven.exposure_ms = 1000;
  now.slices = {lucky, proven};
  CHECK(recipe_arm(policy, now) == proven.arm);
  now.slices[0].matched = 2;
  CHECK(recipe_arm(policy, now) == lucky.arm);
  now.alone = 1;  // and it missed
  CHECK(recipe_arm(policy, now) == proven.arm);
}

TEST_CASE("an arm that makes other failures is dropped and named, unrelated failures of all arms drop none") {
  const SlicedEnd harmful = simulate_slices({.other = 0.0, .other_in_hold = 0.2}, sliced_policy(), 3);
  REQUIRE(harmful.progress.dropped.size() == 1);
  CHECK(harmful.progress.dropped.front().name == "hold");
  CHECK(harmful.progress.dropped.front().why.find("failed otherwise than in CI") != std::string::npos);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    INFO("seed " << seed);
    CHECK(simulate_slices({.other = 0.03}, sliced_policy(), seed).progress.dropped.empty());
  }
}

TEST_CASE("a test that passes in no measurable time is run in slices too") {
  Play play{.policy = sliced_policy()};
  while (play.attempt().phase == AttemptPhase::screen)
    play.ends({.exposure_ms = 0});
  CHECK(play.attempt().slice.has_value());
}

TEST_CASE("once something failed otherwise than in CI, a run that stands still has the time of a watchdog") {
  const Policy policy = sliced_policy();
  Progress now;
  now.run_us = 2000;
  const Arm arm = slice_arm("copies", 0, policy, now);
  CHECK(slice_plan(policy, now, arm).run_limit_ms < 2000);
  now.slices.emplace_back().different = 1;
  CHECK(slice_plan(policy, now, arm).run_limit_ms == 10000);
  now.matched = 1;
  CHECK(slice_plan(policy, now, arm).run_limit_ms < 2000);
}

TEST_CASE("an arm that came near is drawn more often, and has matched nothing by that") {
  const Policy policy = sliced_policy();
  Progress now;
  const auto slice = [&](const std::string& arm, std::optional<std::string> grade) {
    AttemptRow row;
    row.phase = AttemptPhase::search;
    row.arm = arm;
    row.parameters = parameters_of(slice_arm(arm, 0, policy, now));
    row.verdict = grade ? Verdict::different_failure : Verdict::passed;
    row.runs = 100;
    row.different = grade ? 1 : 0;
    row.match_grade = std::move(grade);
    row.exposure_ms = 1000;
    row.slice_json = progress_json({.runs = 100, .passed = 99, .over = true, .median_us = 2000, .points = 40});
    now = after(policy, now, AttemptEnded{row, false, 1000});
  };
  now.plain_worked = true;
  now.shortest_ms = 2;
  for (const char* arm : {"count", "plain", "copies", "noise", "yield", "hold", "chaos", "preempt"})
    slice(arm, std::nullopt);
  const auto share_of_hold = [&] {
    int drawn = 0;
    for (Progress then = now; then.attempts < now.attempts + 2000; ++then.attempts)
      drawn += search_slice(policy, then).arm.name == "hold";
    return drawn / 2000.0;
  };
  const double before = share_of_hold();
  const Progress without = now;
  slice("hold", std::string{"other"});
  const double unlike = share_of_hold();
  now = without;
  slice("hold", std::string{"same_class"});
  CHECK(share_of_hold() > 1.5 * unlike);
  CHECK(before > 0);
  CHECK(now.matched == 0);
}

TEST_CASE("an axis of the site has its share, and its arm what the site makes different") {
  Policy policy = sliced_policy();
  policy.axes = {{"watcher", {{"TT_METAL_WATCHER", "10"}}, {}}};
  policy.arms.push_back({"watcher", 0.05});
  const SlicedEnd end = simulate_slices({.rates = {{"watcher", 0.02}}}, policy, 3);
  CHECK(end.finish.outcome == CampaignOutcome::reproduced);
  const auto record = std::find_if(end.progress.slices.begin(), end.progress.slices.end(),
                                   [](const ArmRecord& one) { return one.arm.name == "watcher"; });
  REQUIRE(record != end.progress.slices.end());
  CHECK(record->arm.environment == policy.axes[0].environment);
}

TEST_CASE("the directed arm holds in the neighbourhood alone, back-to-back runs keep their folder") {
  Policy policy = sliced_policy();
  policy.near = {"Queue::push", "Queue::"};
  CHECK(slice_arm("directed", 0, policy, Progress{}).near == policy.near);
  CHECK(slice_arm("hold", 0, policy, Progress{}).near.empty());
  const Arm together = slice_arm("back_to_back", 0, policy, Progress{});
  CHECK(together.keeps_folder);
  CHECK(together.copies == 1);
  CHECK(strength_of(together) < strength_of(slice_arm("noise", 0, policy, Progress{})));
}

TEST_CASE("the neighbourhood of a failure are its frames and the members of their classes") {
  Signature wanted;
  wanted.site_function = "{anonymous}::Driver::request";
  wanted.site_file = "native/driver.cpp";
  wanted.frames = {"native/driver.cpp:{anonymous}::Driver::request", "a.cpp:serve(int, char**)", "a.cpp:main"};
  CHECK(neighbourhood(wanted) == std::vector<std::string>{"Driver::request", "Driver::", "serve"});
  wanted.site_file = "test_ring.py";
  CHECK(neighbourhood(wanted).empty());
  CHECK(neighbourhood(Signature{}).empty());
}

TEST_CASE("arms that this host has no tool for, or this failure no use, have no share") {
  Signature wanted;
  wanted.site_file = "a.cpp";
  Settings settings;
  settings.arms = {"hold", "noise"};
  settings.axes = {{"watcher", {{"A", "1"}}, {}}};
  const auto names = [&](const std::vector<std::string>& near) {
    std::set<std::string> found;
    for (const ArmWeight& arm : arms_for(wanted, settings, {near, 0}))
      found.insert(arm.name);
    return found;
  };
  CHECK(names({}) == std::set<std::string>{"copies", "noise", "hold", "back_to_back", "watcher"});
  CHECK(names({"Queue::"}).contains("directed"));
  settings.arms = {};
  CHECK_FALSE(names({"Queue::"}).contains("directed"));
}

TEST_CASE("the script is run alone with its recipe before a campaign of slices ends, and is no part of a rate") {
  const SlicedEnd end = simulate_slices({.rates = {{"noise", 0.05}}}, sliced_policy(), 5);
  CHECK(end.progress.alone == 1);
  CHECK(end.progress.alone_matched == 1);
  Policy by_hand = sliced_policy();
  by_hand.holds_recipe = false;
  CHECK(simulate_slices({.rates = {{"noise", 0.05}}}, by_hand, 5).progress.alone == 0);
}

TEST_CASE("delays are scaled to the length of a run and their chance to how often a run can be delayed") {
  const Policy policy = sliced_policy();
  Progress now;
  now.run_us = 2000;
  now.points = 40;
  const Arm noise = slice_arm("noise", 0, policy, now);
  CHECK(noise.noise_us == 1000);
  CHECK(noise.noise_chance == Approx(0.1));
  now.run_us = 100000000;
  now.points = 1000000;
  CHECK(slice_arm("noise", 1, policy, now).noise_us == 15000);
  CHECK(slice_arm("noise", 0, policy, now).noise_chance == Approx(0.0001));
  now.points = 2;
  CHECK(slice_arm("noise", 1, policy, now).noise_chance == 0.5);
}

TEST_CASE("history moves the shares of arms, by a factor of four at most, and leaves unknown arms in the middle") {
  const std::vector<ArmWeight> flat{{"noise", 1}, {"hold", 1}, {"copies", 1}};
  const auto learnt_now = learnt(flat, {{"noise", 20, 20}, {"hold", 20, 0}});
  CHECK(learnt_now[0].weight > 1.5);
  CHECK(learnt_now[1].weight == 0.25);
  CHECK(learnt_now[2].weight == Approx(0.5 / ((21.0 / 22 + 1.0 / 22 + 0.5) / 3)));
  CHECK(learnt(flat, {}) == flat);
}

TEST_CASE("learning from other cases finds a race of the same class sooner") {
  // Leave one out: the history is of ten other cases in which holding alone has matched.
  std::vector<ArmHistory> history;
  for (const ArmWeight& arm : sliced_policy().arms)
    history.push_back({arm.name, 10, arm.name == "hold" ? 10 : 0});
  Policy taught = sliced_policy();
  taught.arms = learnt(taught.arms, history);
  double fresh_ms = 0, taught_ms = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    fresh_ms +=
        static_cast<double>(simulate_slices({.rates = {{"hold", 0.002}}}, sliced_policy(), seed).first_match_ms);
    taught_ms += static_cast<double>(simulate_slices({.rates = {{"hold", 0.002}}}, taught, seed).first_match_ms);
  }
  CHECK(taught_ms < fresh_ms * 0.8);
}
