#include "supervisor/campaign/verify.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "storage/strict_json.hpp"
#include "supervisor/campaign/ladder.hpp"
#include "supervisor/clock.hpp"

namespace ndr {
namespace {

constexpr std::int64_t shortest_trial_ms = 1000;
constexpr int most_trial_attempts = 10000;
constexpr std::int64_t control_turns = 4;  // times as long for the other build, once the control has failed
constexpr std::int64_t run_guard_ms = 10000;

Sprt trial_of(const Verification& plan) { return Sprt{plan.broken_rate, plan.risk, plan.least_clean}; }

FixState state_of(const Verification& plan, const TrialCount& count) {
  Sprt trial = trial_of(plan);
  trial.add(count.clean, count.matched);
  return trial.state();
}

/// Of all its runs, so that a control that failed at first and passes ever since is seen.
FixState control_state(const Verification& plan, const Progress& now) { return state_of(plan, now.broken_runs); }

std::string share_text(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g %%", share * 100);
  return text;
}

std::string counted(std::int64_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string of_judged(const TrialCount& count) {
  return std::to_string(count.matched) + " of " + counted(count.judged(), "run") + " matched";
}

/// What was neither clean nor a match.
std::string neither_text(const TrialCount& count) {
  std::string text;
  if (count.different > 0) text += "; " + counted(count.different, "run") + " failed otherwise";
  if (count.unjudged > 0) text += "; " + counted(count.unjudged, "run") + " could not be judged";
  return text;
}

std::string control_text(const Verification& plan, const Progress& now) {
  if (!plan.has_controls()) return {};
  return "; of the broken build beside it " + of_judged(now.broken_runs);
}

Finish as_fixed(const Verification& plan, const Progress& now) {
  const TrialCount& runs = now.fixed_runs;
  if (runs.matched > 0)
    return Finish{CampaignOutcome::undecided, "it fails more rarely than before, and yet it fails: " + of_judged(runs) +
                                                  ", before " + of_judged(plan.before) + neither_text(runs) +
                                                  control_text(plan, now)};
  return Finish{CampaignOutcome::fixed, counted(runs.clean, "clean run") + ", none matched: as it was before (" +
                                            of_judged(plan.before) + "), it would come through them with " +
                                            share_text(miss_probability_of(plan, runs)) + " probability" +
                                            neither_text(runs) + control_text(plan, now)};
}

Finish as_failing(const Verification& plan, const Progress& now) {
  return Finish{CampaignOutcome::still_failing, of_judged(now.fixed_runs) + ", before " + of_judged(plan.before) +
                                                    neither_text(now.fixed_runs) + control_text(plan, now)};
}

Finish conditions_changed(const Verification& plan, const Progress& now) {
  return Finish{CampaignOutcome::undecided,
                "the conditions have changed: " + of_judged(now.broken_runs) +
                    " of the broken build, which it takes a mended one to do (before: " + of_judged(plan.before) +
                    "); reproduce it anew on this host, then verify against that campaign"};
}

std::optional<Finish> verdict_of(const Verification& plan, const Progress& now) {
  if (now.fix == FixState::still_failing) return as_failing(plan, now);
  if (!plan.has_controls()) return now.fix == FixState::fixed ? std::optional{as_fixed(plan, now)} : std::nullopt;
  const FixState control = control_state(plan, now);
  if (control == FixState::fixed) return conditions_changed(plan, now);
  if (now.fix == FixState::fixed && control == FixState::still_failing) return as_fixed(plan, now);
  return std::nullopt;
}

bool out_of_time(const Policy& policy, const Progress& now) {
  const std::int64_t least_ms = policy.verification->sliced ? 0 : now.shortest_ms;
  return policy.budget_ms - now.spent_ms < std::max(shortest_trial_ms, least_ms) || now.attempts >= most_trial_attempts;
}

Finish spent_trial(const Policy& policy, const Progress& now) {
  return Finish{CampaignOutcome::undecided, trial_text(*policy.verification, now) + "; " + seconds_text(now.spent_ms) +
                                                " of the budget of " + seconds_text(policy.budget_ms) + " are spent"};
}

std::optional<Finish> end_of(const Policy& policy, const Progress& now) {
  if (now.cancelled) return Finish{CampaignOutcome::cancelled, "cancelled on request"};
  if (auto verdict = verdict_of(*policy.verification, now)) return verdict;
  if (auto hindrance = obstacle(now)) {
    if (hindrance->outcome == CampaignOutcome::not_reproduced) hindrance->outcome = CampaignOutcome::undecided;
    return hindrance;
  }
  if (out_of_time(policy, now)) return spent_trial(policy, now);
  return std::nullopt;
}

TestedBuild next_build(const Verification& plan, const Progress& now) {
  if (!plan.has_controls()) return TestedBuild::fixed;
  if (now.fix != FixState::undecided) return TestedBuild::broken;
  const std::int64_t share = control_state(plan, now) == FixState::still_failing ? control_turns : 1;
  const bool is_owed = now.broken_runs.exposure_ms * share <= now.fixed_runs.exposure_ms;
  return is_owed ? TestedBuild::broken : TestedBuild::fixed;
}

RunAttempt trial_attempt(const Policy& policy, const Progress& now) {
  const Verification& plan = *policy.verification;
  const TestedBuild build = next_build(plan, now);
  RunAttempt step;
  step.phase = AttemptPhase::verify;
  step.arm = plan.arm;
  step.subject = build == TestedBuild::fixed ? plan.fixed_subject : plan.broken_subject;
  step.seed = draw(policy.seed, static_cast<std::uint64_t>(now.attempts)) >> 33;
  step.deadline_ms = next_deadline_ms(policy, now);
  if (!plan.sliced) return step;
  SlicePlan slice = plan.slice;
  slice.enough_matches = 0;
  if (build == TestedBuild::fixed) slice.runs = clean_runs_to_go(plan, now);
  step.deadline_ms = std::min(step.deadline_ms, slice.duration_ms + slice.run_limit_ms * 10 + run_guard_ms);
  slice.duration_ms = std::min(slice.duration_ms, step.deadline_ms);
  step.slice = slice;
  return step;
}

}  // namespace

Step verify_step(const Policy& policy, const Progress& now) {
  const std::optional<Finish> end = end_of(policy, now);
  const bool may_reset = now.spent_ms < policy.budget_ms;
  if (now.board_suspect && now.board_unusable.empty() && may_reset) return ResetBoards{};
  if (end) return *end;
  return trial_attempt(policy, now);
}

void count_trial(const Verification& plan, const AttemptRow& row, Progress& now) {
  const TestedBuild build = build_of(row);
  add_attempt(row, build == TestedBuild::fixed ? now.fixed_runs : now.broken_runs);
  if (build == TestedBuild::fixed && now.fix == FixState::undecided) now.fix = state_of(plan, now.fixed_runs);
}

std::int64_t clean_runs_to_go(const Verification& plan, const Progress& now) {
  if (now.fix != FixState::undecided) return 0;
  return std::max<std::int64_t>(1, trial_of(plan).clean_runs_to_fixed(now.fixed_runs.matched) - now.fixed_runs.clean);
}

TrialForecast forecast_of(const Verification& plan) {
  TrialForecast forecast;
  forecast.clean_runs = trial_of(plan).clean_runs_to_fixed(0);
  const double run_ms = static_cast<double>(plan.before.exposure_ms) /
                        static_cast<double>(std::max<std::int64_t>(1, plan.before.judged()));
  const double builds = plan.has_controls() ? 1 + 1.0 / static_cast<double>(control_turns) : 1;
  forecast.duration_ms = std::llround(static_cast<double>(forecast.clean_runs) * run_ms * builds);
  return forecast;
}

double miss_probability_of(const Verification& plan, const TrialCount& fixed_runs) {
  return fixed_runs.matched > 0 ? plan.risk : miss_probability(fixed_runs.clean, plan.baseline());
}

std::string forecast_text(const Policy& policy) {
  const Verification& plan = *policy.verification;
  const TrialForecast forecast = forecast_of(plan);
  std::string text = "against campaign " + std::to_string(plan.against.value) + ", arm " + plan.arm.name + ", " +
                     of_judged(plan.before) + ": needs " + counted(forecast.clean_runs, "clean run") + ", about " +
                     seconds_text(forecast.duration_ms) + ", for a risk of " + share_text(plan.risk);
  if (forecast.duration_ms > policy.budget_ms)
    text += "; that is more than the budget of " + seconds_text(policy.budget_ms) +
            ", so it will hardly be decided: give more budget, or a baseline of more matches (run with "
            "--confirmations 10)";
  return text;
}

std::string trial_text(const Verification& plan, const Progress& now) {
  const TrialCount& runs = now.fixed_runs;
  std::string text = counted(runs.clean, "clean run") + ", " + std::to_string(runs.matched) + " matched";
  if (now.fix == FixState::undecided) text += "; " + counted(clean_runs_to_go(plan, now), "clean run") + " to go";
  return text + neither_text(runs) + control_text(plan, now);
}

void add_checkout(const Verification& plan, const AttemptRow& row,
                  std::vector<std::pair<std::string, std::string>>& environment) {
  const std::string& checkout = build_of(row) == TestedBuild::broken ? plan.broken_checkout : plan.fixed_checkout;
  if (!checkout.empty()) environment.emplace_back(checkout_variable, checkout);
}

std::string verification_json(const Policy& policy, const Progress& now) {
  const Verification& plan = *policy.verification;
  nlohmann::ordered_json object = ordered_json_from(to_json_text(plan));
  object["clean_runs_needed"] = forecast_of(plan).clean_runs;
  object["clean_runs_to_go"] = clean_runs_to_go(plan, now);
  object["fixed"] = ordered_json_from(to_json_text(now.fixed_runs));
  object["broken"] = plan.has_controls() ? ordered_json_from(to_json_text(now.broken_runs)) : nlohmann::ordered_json();
  object["miss_probability"] = miss_probability_of(plan, now.fixed_runs);
  return json_text(object);
}

}  // namespace ndr
