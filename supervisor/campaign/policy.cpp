#include "supervisor/campaign/policy.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "supervisor/campaign/ladder.hpp"
#include "supervisor/campaign/slices.hpp"
#include "supervisor/campaign/verify.hpp"
#include "supervisor/clock.hpp"

namespace ndr {
namespace {

constexpr int deterministic_runs = 6;  // all matched: the rate is above 60 % with 95 %
constexpr int most_different_in_row = 5;
constexpr int most_broken_in_row = 3;
constexpr int raised_slow_wanted = 2;  // one pass alone may be a race's luck
constexpr int most_raised_failures = 2;
constexpr std::int64_t shortest_act_ms = 1000;

int screen_runs(const Policy& policy) { return policy.mode == CampaignMode::quick ? 2 : 3; }

// Every attempt leaves a log in the case folder; a folder of 10^5 files helps nobody.
int most_attempts(const Policy& policy) { return policy.mode == CampaignMode::quick ? 1000 : 20000; }

std::int64_t search_budget_ms(const Policy& policy) {
  return static_cast<std::int64_t>(static_cast<double>(policy.budget_ms) * (1 - confirmation_reserve));
}

/// Until the first match the reserve is not touched: a hit that cannot be confirmed is worth little.
std::int64_t left_ms(const Policy& policy, const Progress& now) {
  const bool is_all_open = now.matched > 0 || policy.verification;
  return (is_all_open ? policy.budget_ms : search_budget_ms(policy)) - now.spent_ms;
}

bool out_of_budget(const Policy& policy, const Progress& now) {
  const std::int64_t shortest_ms = uses_slices(policy, now) ? 0 : now.shortest_ms;
  return left_ms(policy, now) < std::max(shortest_act_ms, shortest_ms) || now.attempts >= most_attempts(policy);
}

// The runs differ only by luck as long as every one fails, and at the same iteration: a race inside a looping script
// fails always too, but each time elsewhere.
bool looks_deterministic(const Progress& now) {
  return now.screened > 0 && now.screen_matched == now.screened && !now.iterations_vary;
}

bool margin_open(const Policy& policy, const Progress& now) {
  return policy.device_timeout && policy.watchdog_adjustable && policy.operation_timeout_s > 0 &&
         now.raised_fast == 0 && now.raised - now.raised_slow < most_raised_failures;
}

bool screening(const Policy& policy, const Progress& now) {
  if (looks_deterministic(now)) return true;
  if (now.screen_matched > 0 || now.searched > 0 || now.matched > 0) return false;
  return now.screened < screen_runs(policy);
}

std::optional<Finish> screened_out(const Policy& policy, const Progress& now) {
  if (now.raised_slow >= raised_slow_wanted)
    return Finish{CampaignOutcome::margin, "passes with the watchdog raised, but takes " +
                                               seconds_text(now.slowest_ms) + " an iteration against a limit of " +
                                               seconds_text(std::llround(policy.operation_timeout_s * 1000))};
  if (looks_deterministic(now) && now.screened >= deterministic_runs)
    return Finish{CampaignOutcome::deterministic,
                  "all " + std::to_string(now.screened) + " unamplified runs matched, at the same place"};
  return std::nullopt;
}

bool has_clean_log(const Progress& now) { return now.plain_confirmed || (now.hit_arm && now.hit_arm->name == "plain"); }

std::string matched_text(const Policy& policy, const Progress& now) {
  // Those that were gathered to compare come on top.
  if (now.matched > policy.confirmations)
    return std::to_string(now.matched) + " runs matched, " + std::to_string(policy.confirmations) + " were wanted";
  return std::to_string(now.matched) + " matched of " + std::to_string(policy.confirmations) + " wanted";
}

std::optional<Finish> confirmed(const Policy& policy, const Progress& now) {
  if (now.matched >= policy.confirmations && uses_slices(policy, now) &&
      (reduce_slice(policy, now) || compare_slice(policy, now) || recipe_run(policy, now)))
    return std::nullopt;
  if (screening(policy, now) || now.matched < policy.confirmations || !has_clean_log(now)) return std::nullopt;
  return Finish{CampaignOutcome::reproduced, matched_text(policy, now)};
}

/// A match stays a match, though what came later keeps it from being confirmed.
Finish hindered(const Policy& policy, const Progress& now, Finish obstacle) {
  if (now.matched == 0) return obstacle;
  return Finish{CampaignOutcome::reproduced, matched_text(policy, now) + "; then " + obstacle.reason};
}

/// What of the budget is spent, and why the rest is not.
std::string budget_text(const Policy& policy, const Progress& now) {
  if (now.spent_ms >= policy.budget_ms) return "the budget of " + seconds_text(policy.budget_ms) + " is used up";
  const std::string text = seconds_text(now.spent_ms) + " of " + seconds_text(policy.budget_ms) + " spent; ";
  if (now.matched > 0) return text + "the rest is too short for another attempt";
  if (left_ms(policy, now) < shortest_act_ms) return text + "the rest is kept for confirmation";
  return text + seconds_text(left_ms(policy, now)) +
         " are too short for another attempt, the rest is kept for confirmation";
}

/// The runs that neither passed nor failed.
std::string unfinished_text(const Progress& now) {
  std::string text;
  if (now.hung > 0) text += ", " + std::to_string(now.hung) + (now.hung == 1 ? " hang" : " hangs") + " unlike in CI";
  if (now.cut_off > 0)
    text += ", " + std::to_string(now.cut_off) + (now.cut_off == 1 ? " run" : " runs") + " cut off at the time limit";
  return text;
}

Finish spent(const Policy& policy, const Progress& now) {
  const std::string why = now.attempts >= most_attempts(policy)
                              ? "the limit of " + std::to_string(most_attempts(policy)) + " attempts is reached"
                              : budget_text(policy, now);
  if (now.matched > 0) return Finish{CampaignOutcome::reproduced, matched_text(policy, now) + "; " + why};
  return Finish{CampaignOutcome::not_reproduced, "no match" + unfinished_text(now) + "; " + why};
}

RunAttempt attempt(const Policy& policy, const Progress& now, AttemptPhase phase, Arm arm) {
  return RunAttempt{phase, std::move(arm), draw(policy.seed, static_cast<std::uint64_t>(now.attempts)) >> 33,
                    next_deadline_ms(policy, now)};
}

RunAttempt next_attempt(const Policy& policy, const Progress& now) {
  if (screening(policy, now)) {
    const bool raise = looks_deterministic(now) && now.screened >= screen_runs(policy) && margin_open(policy, now);
    return attempt(policy, now, AttemptPhase::screen, raise ? raised_arm(policy, now) : plain_arm(policy));
  }
  if (uses_slices(policy, now) && now.matched < policy.confirmations)
    return now.matched == 0 ? search_slice(policy, now) : confirm_slice(policy, now);
  if (uses_slices(policy, now))
    if (std::optional<RunAttempt> weaker = reduce_slice(policy, now)) return *weaker;
  if (uses_slices(policy, now))
    if (std::optional<RunAttempt> compared = compare_slice(policy, now)) return *compared;
  if (uses_slices(policy, now) && has_clean_log(now))
    if (std::optional<RunAttempt> alone = recipe_run(policy, now)) return *alone;
  if (now.matched == 0)
    return attempt(policy, now, AttemptPhase::search, search_arm(policy, now, left_ms(policy, now)));
  if (now.matched < policy.confirmations) return attempt(policy, now, AttemptPhase::confirm, confirm_arm(policy, now));
  return attempt(policy, now, AttemptPhase::confirm, plain_arm(policy));
}

}  // namespace

std::optional<Finish> obstacle(const Progress& now) {
  if (!now.setup_error.empty()) return Finish{CampaignOutcome::setup_error, now.setup_error};
  if (!now.board_unusable.empty()) return Finish{CampaignOutcome::board_unusable, now.board_unusable};
  if (now.contention_in_row >= most_broken_in_row)
    return Finish{CampaignOutcome::board_unusable, "contention with one worker, " +
                                                       std::to_string(now.contention_in_row) +
                                                       " times in a row: another process uses the board"};
  if (now.broken_in_row >= most_broken_in_row)
    // Neither the board's fault nor the case's answer: this host could not run it.
    return Finish{CampaignOutcome::setup_error,
                  std::to_string(now.broken_in_row) + " attempts in a row could not be judged: " + now.last_breakage};
  if (now.matched == 0 && now.different_in_row > most_different_in_row)
    return Finish{
        CampaignOutcome::not_reproduced,
        std::to_string(now.different_in_row) + " different failures in a row and no match: " + now.last_difference};
  return std::nullopt;
}

namespace {

Step replay_step(const Replay& replay, const Policy& policy, const Progress& now) {
  const std::string again = std::to_string(now.attempts) + (now.attempts == 1 ? " replay of " : " replays of ");
  if (now.cancelled) return Finish{CampaignOutcome::cancelled, "cancelled on request"};
  std::optional<Finish> end;
  if (now.matched > 0)
    end = Finish{CampaignOutcome::reproduced, "matched again in the last of " + again + replay.attempt};
  else if (const auto hindrance = obstacle(now))
    end = hindrance;
  else if (now.attempts >= replay.times)
    end = Finish{CampaignOutcome::not_reproduced, "no match in " + again + replay.attempt};
  if (now.board_suspect && now.board_unusable.empty() && now.spent_ms < policy.budget_ms) return ResetBoards{};
  if (end) return *end;
  RunAttempt step{AttemptPhase::replay, replay.arm, replay.seed, replay.deadline_ms};
  step.slice = replay.slice;
  return step;
}

}  // namespace

Step next_step(const Policy& policy, const Progress& now) {
  if (policy.replay) return replay_step(*policy.replay, policy, now);
  if (policy.verification) return verify_step(policy, now);
  const bool may_act = !out_of_budget(policy, now);
  std::optional<Finish> end;
  if (now.cancelled)
    end = Finish{CampaignOutcome::cancelled, "cancelled on request"};
  else if (const auto answer = screened_out(policy, now))
    end = answer;
  else if (const auto enough = confirmed(policy, now))
    end = enough;
  else if (const auto hindrance = obstacle(now))
    end = hindered(policy, now, *hindrance);
  else if (!may_act)
    end = spent(policy, now);
  // Nobody after us should find a board that we left hanging, so the reset comes before the end too; by then the
  // reserve is of no other use.
  const bool may_reset = now.spent_ms < policy.budget_ms;
  if (now.board_suspect && now.board_unusable.empty() && may_reset) return ResetBoards{};
  if (end) return *end;
  return next_attempt(policy, now);
}

std::int64_t next_deadline_ms(const Policy& policy, const Progress& now) {
  return std::min(policy.attempt_ms, std::max(shortest_act_ms, left_ms(policy, now)));
}

double smallest_visible_rate(const Policy& policy) {
  const std::int64_t cycle_ms = std::max<std::int64_t>(1, policy.expected_attempt_ms);
  const std::int64_t runs = std::min<std::int64_t>(search_budget_ms(policy) / cycle_ms, most_attempts(policy));
  // P = 1 - (1-p)^n, solved for P = 90 %.
  return runs < 1 ? 1.0 : 1 - std::pow(0.1, 1.0 / static_cast<double>(runs));
}

}  // namespace ndr
