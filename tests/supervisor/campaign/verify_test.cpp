#include "supervisor/campaign/verify.hpp"

#include <cstdlib>

#include "analyzer/statistics/random.hpp"
#include "storage/slice_log.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

Verification plan_of(std::int64_t matched, std::int64_t runs, bool with_controls = false) {
  Verification plan;
  plan.against = CampaignId{4};
  plan.arm = noise_arm(1);
  plan.sliced = true;
  plan.before = {.attempts = 9, .clean = runs - matched, .matched = matched, .exposure_ms = runs * 20};
  const Sprt trial = fix_trial(plan.baseline(), plan.risk);
  plan.broken_rate = trial.broken_rate();
  plan.least_clean = clean_runs_needed(plan.baseline(), plan.risk);
  plan.fixed_subject = "fixed 0123456789ab";
  if (!with_controls) return plan;
  plan.broken_checkout = "/src/before";
  plan.broken_subject = "broken";
  return plan;
}

Policy policy_of(Verification plan) {
  Policy policy;
  policy.mode = CampaignMode::verify;
  policy.budget_ms = 600000;
  policy.verification = std::move(plan);
  return policy;
}

/// A verification whose slices have some ten runs, of which the test says how many match.
struct Trial {
  Policy policy;
  Progress now;
  int number = 0;
  std::int64_t slice_ms = 200;

  Step step() const { return next_step(policy, now); }
  Finish finish() const {
    const Step next = step();
    const auto* decided = std::get_if<Finish>(&next);
    return decided != nullptr ? *decided : Finish{CampaignOutcome::cancelled, "it goes on"};
  }
  RunAttempt attempt() const {
    const Step next = step();
    const auto* decided = std::get_if<RunAttempt>(&next);
    return decided != nullptr ? *decided : RunAttempt{};
  }
  TestedBuild next_build() const {
    AttemptRow row;
    row.subject = attempt().subject;
    return build_of(row);
  }
  void ends(std::int64_t clean, std::int64_t matched, std::int64_t different = 0, std::int64_t infrastructure = 0) {
    const RunAttempt taken = attempt();
    AttemptRow row;
    row.number = ++number;
    row.phase = taken.phase;
    row.arm = taken.arm.name;
    row.parameters = parameters_of(taken.arm);
    row.subject = taken.subject;
    row.verdict = matched > 0 ? Verdict::reproduced : Verdict::passed;
    row.runs = clean + matched + different + infrastructure;
    row.matched = matched;
    row.different = different;
    row.infrastructure = infrastructure;
    row.exposure_ms = slice_ms;
    row.slice_json = progress_json({.runs = row.runs, .passed = clean, .over = true, .median_us = 20000});
    now = after(policy, now, AttemptEnded{row, false, slice_ms});
  }
};

/// To its end; runs of the builds match at these rates, ten a slice or as many as are asked for.
Finish simulate(const Policy& policy, double fixed_rate, double broken_rate, RandomStream& random) {
  Trial trial{.policy = policy};
  for (;;) {
    const Step next = trial.step();
    if (const auto* end = std::get_if<Finish>(&next)) return *end;
    const auto& asked = std::get<RunAttempt>(next);
    const double rate = trial.next_build() == TestedBuild::fixed ? fixed_rate : broken_rate;
    const std::int64_t runs = asked.slice->runs > 0 ? std::min<std::int64_t>(10, asked.slice->runs) : 10;
    std::int64_t matched = 0;
    for (int run = 0; run < runs; ++run)
      matched += random.fraction() < rate ? 1 : 0;
    trial.ends(runs - matched, matched);
  }
}

int simulations() {
  const char* wanted = std::getenv("NDREPRO_SIMULATIONS");
  return wanted == nullptr ? 500 : std::atoi(wanted);
}

/// Share of the simulations that end so; the rates of both builds are drawn for each.
template <class Draw>
double share(CampaignOutcome outcome, const Policy& policy, std::uint64_t seed, const Draw& rates) {
  RandomStream random(seed);
  int hits = 0;
  for (int i = 0; i < simulations(); ++i) {
    const auto [fixed_rate, broken_rate] = rates(random);
    hits += simulate(policy, fixed_rate, broken_rate, random).outcome == outcome ? 1 : 0;
  }
  return static_cast<double>(hits) / simulations();
}

double slack() { return 3 * std::sqrt(0.05 * 0.95 / simulations()); }

}  // namespace

TEST_CASE("enough clean runs make it fixed, and the verdict says what that is worth") {
  Trial trial{policy_of(plan_of(3, 50))};
  CHECK(trial.attempt().phase == AttemptPhase::verify);
  CHECK(trial.attempt().subject == "fixed 0123456789ab");
  CHECK(trial.attempt().slice->enough_matches == 0);
  const std::int64_t needed = clean_runs_to_go(*trial.policy.verification, trial.now);
  CHECK(needed == forecast_of(*trial.policy.verification).clean_runs);
  CHECK(trial.attempt().slice->runs == needed);
  trial.ends(needed - 1, 0);
  CHECK(clean_runs_to_go(*trial.policy.verification, trial.now) == 1);
  CHECK_THAT(trial_text(*trial.policy.verification, trial.now), ContainsSubstring("1 clean run to go"));
  trial.ends(1, 0);
  CHECK(trial.finish().outcome == CampaignOutcome::fixed);
  CHECK_THAT(trial.finish().reason, ContainsSubstring("none matched") && ContainsSubstring("3 of 50 runs matched"));
  CHECK(miss_probability_of(*trial.policy.verification, trial.now.fixed_runs) <= 0.05);
}

TEST_CASE("matches as often as before make it still failing") {
  Trial trial{policy_of(plan_of(10, 100))};
  trial.ends(18, 3);
  CHECK(trial.finish().outcome == CampaignOutcome::still_failing);
  CHECK_THAT(trial.finish().reason, ContainsSubstring("3 of 21 runs matched, before 10 of 100"));
}

TEST_CASE("what matches more rarely than before is not called fixed") {
  Trial trial{policy_of(plan_of(10, 100))};
  trial.ends(30, 1);
  trial.ends(2000, 0);
  CHECK(trial.finish().outcome == CampaignOutcome::undecided);
  CHECK_THAT(trial.finish().reason, ContainsSubstring("more rarely than before, and yet it fails"));
}

TEST_CASE("runs that failed otherwise or could not be judged say nothing, and are told") {
  Trial trial{policy_of(plan_of(3, 50))};
  trial.ends(5, 0, 2, 4);
  CHECK(trial.now.fixed_runs.judged() == 5);
  CHECK_THAT(trial_text(*trial.policy.verification, trial.now),
             ContainsSubstring("2 runs failed otherwise") && ContainsSubstring("4 runs could not be judged"));
}

TEST_CASE("a budget that is over before the test is leaves it undecided, and says what was missing") {
  Policy policy = policy_of(plan_of(3, 50));
  policy.budget_ms = 3000;
  CHECK_THAT(forecast_text(policy), ContainsSubstring("needs") && !ContainsSubstring("more than the budget"));
  policy.verification->before.exposure_ms = 500000;
  CHECK_THAT(forecast_text(policy), ContainsSubstring("more than the budget of 3.0 s"));
  Trial trial{policy};
  trial.slice_ms = 2100;
  trial.ends(5, 0);
  CHECK(trial.finish().outcome == CampaignOutcome::undecided);
  CHECK_THAT(trial.finish().reason, ContainsSubstring("clean runs to go"));
}

TEST_CASE("controls take turns with the mended build, and less often once they have failed") {
  Trial trial{policy_of(plan_of(50, 100, true))};
  CHECK(trial.next_build() == TestedBuild::broken);
  trial.ends(1, 1);
  CHECK(trial.next_build() == TestedBuild::fixed);
  trial.policy.verification->least_clean = 1000;
  trial.ends(1, 0);
  CHECK(trial.next_build() == TestedBuild::broken);
  trial.ends(0, 9);
  for (int turn = 0; turn < 7; ++turn) {
    CHECK(trial.next_build() == TestedBuild::fixed);
    trial.ends(1, 0);
  }
  CHECK(trial.next_build() == TestedBuild::broken);
}

TEST_CASE("a control that passes too proves that the conditions have changed") {
  Trial trial{policy_of(plan_of(3, 50, true))};
  while (trial.finish().reason == "it goes on")
    trial.ends(10, 0);
  CHECK(trial.finish().outcome == CampaignOutcome::undecided);
  CHECK_THAT(trial.finish().reason, ContainsSubstring("the conditions have changed: 0 of"));
}

TEST_CASE("a mended build is fixed only when its control has failed beside it") {
  Trial trial{policy_of(plan_of(10, 50, true))};
  trial.ends(4, 1);
  trial.ends(1000, 0);
  CHECK(trial.finish().reason == "it goes on");
  CHECK(trial.next_build() == TestedBuild::broken);
  trial.ends(2, 2);
  CHECK(trial.finish().outcome == CampaignOutcome::fixed);
  CHECK_THAT(trial.finish().reason, ContainsSubstring("of the broken build beside it 3 of 9 runs matched"));
}

TEST_CASE("a verification that can test nothing, is cancelled or meets other failures only says so") {
  Trial other{policy_of(plan_of(3, 50))};
  other.now.different_in_row = 6;
  CHECK(other.finish().outcome == CampaignOutcome::undecided);
  Trial broken{policy_of(plan_of(3, 50))};
  broken.now.setup_error = "no module named pytest";
  CHECK(broken.finish().outcome == CampaignOutcome::setup_error);
  Trial cancelled{policy_of(plan_of(3, 50))};
  cancelled.now = after(cancelled.policy, cancelled.now, CancelRequested{});
  CHECK(cancelled.finish().outcome == CampaignOutcome::cancelled);
}

TEST_CASE("whole attempts are counted where the baseline was of whole attempts, and boards are reset between them") {
  Verification plan = plan_of(6, 6);
  plan.sliced = false;
  Trial trial{policy_of(plan)};
  CHECK_FALSE(trial.attempt().slice);
  AttemptRow row;
  row.verdict = Verdict::passed;
  row.subject = trial.attempt().subject;
  row.runs = 1;
  row.exposure_ms = 4000;
  trial.now = after(trial.policy, trial.now, AttemptEnded{row, true, 4000});
  CHECK(trial.now.fixed_runs.clean == 1);
  CHECK(std::holds_alternative<ResetBoards>(trial.step()));
}

TEST_CASE("a slice's clean runs are those that its loop saw pass, less those that showed the failure all the same") {
  AttemptRow row;
  row.verdict = Verdict::reproduced;
  row.runs = 10;
  row.matched = 2;
  row.different = 1;
  row.slice_json = progress_json({.runs = 10, .passed = 8, .over = true});
  TrialCount count;
  add_attempt(row, count);
  CHECK(count == TrialCount{.attempts = 1, .clean = 7, .matched = 2, .different = 1});
  row.slice_json = progress_json({.runs = 4, .passed = 3});  // its loop was lost
  TrialCount lost;
  add_attempt(row, lost);
  CHECK(lost == TrialCount{.attempts = 1, .clean = 3, .matched = 2, .different = 1, .unjudged = 4});
}

TEST_CASE("a verification is read back as it was stored") {
  Policy policy = policy_of(plan_of(3, 50, true));
  policy.verification->fixed_checkout = "/src/after";
  policy.verification->slice = {.duration_ms = 2500, .run_limit_ms = 1200, .runs = 0, .enough_matches = 0};
  CHECK(policy_from(to_json_text(policy)) == policy);
  CHECK_FALSE(verification_from("{}"));
  CHECK_FALSE(verification_from(R"({"against":"x"})"));
}

TEST_CASE("the checkout that is tested follows from the attempt's subject") {
  Verification plan = plan_of(3, 50, true);
  AttemptRow row;
  std::vector<std::pair<std::string, std::string>> environment;
  row.subject = plan.fixed_subject;
  add_checkout(plan, row, environment);
  CHECK(environment.empty());
  row.subject = plan.broken_subject;
  add_checkout(plan, row, environment);
  CHECK(environment == std::vector<std::pair<std::string, std::string>>{{"NDREPRO_REPOSITORY", "/src/before"}});
}

TEST_CASE(
    "a program that is as it was is called fixed as rarely as promised, over the rates its baseline leaves open") {
  const std::uint64_t seed = 2024;
  INFO("seed " << seed);
  for (const auto& [matched, runs] : {std::pair{3, 50}, std::pair{10, 100}, std::pair{1, 10}}) {
    const auto as_before = [a = matched, b = runs - matched + 0.5](RandomStream& random) {
      const double rate = random.beta(a, b);
      return std::pair{rate, rate};
    };
    Policy policy = policy_of(plan_of(matched, runs));
    policy.budget_ms = 100000000;
    const double alone = share(CampaignOutcome::fixed, policy, seed, as_before);
    policy.verification = plan_of(matched, runs, true);
    const double controlled = share(CampaignOutcome::fixed, policy, seed, as_before);
    INFO(matched << "/" << runs << ": " << alone << ", with controls " << controlled);
    CHECK(alone <= 0.05 + slack());
    CHECK(controlled <= 0.05 + slack());
    if (std::getenv("NDREPRO_SIMULATIONS") != nullptr)
      WARN(matched << "/" << runs << ": called fixed " << alone << ", with controls " << controlled);
  }
}

TEST_CASE("a mended program is never called still failing, and with a control that fails as before it is fixed") {
  const std::uint64_t seed = 2025;
  INFO("seed " << seed);
  Policy policy = policy_of(plan_of(10, 100));
  policy.budget_ms = 100000000;
  const auto mended = [](RandomStream& random) { return std::pair{0.0, random.beta(10, 90.5)}; };
  CHECK(share(CampaignOutcome::fixed, policy, seed, mended) == 1);
  policy.verification = plan_of(10, 100, true);
  const double fixed = share(CampaignOutcome::fixed, policy, seed, mended);
  INFO(fixed);
  CHECK(fixed >= 0.95 - slack());
  if (std::getenv("NDREPRO_SIMULATIONS") != nullptr) WARN("mended, control as before: fixed " << fixed);
}

TEST_CASE("a host on which nothing fails any more is found out by the controls") {
  const std::uint64_t seed = 2026;
  INFO("seed " << seed);
  Policy policy = policy_of(plan_of(10, 100, true));
  policy.budget_ms = 100000000;
  const auto calm = [](RandomStream&) { return std::pair{0.0, 0.0}; };
  CHECK(share(CampaignOutcome::undecided, policy, seed, calm) == 1);
  const double tenth = policy.verification->broken_rate / 10;
  const auto calmer = [tenth](RandomStream&) { return std::pair{tenth, tenth}; };
  const double fixed = share(CampaignOutcome::fixed, policy, seed, calmer);
  INFO(fixed);
  CHECK(fixed <= 0.05 + slack());
  if (std::getenv("NDREPRO_SIMULATIONS") != nullptr) WARN("both a tenth as often: fixed " << fixed);
}
