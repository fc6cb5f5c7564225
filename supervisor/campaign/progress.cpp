#include <algorithm>

#include "analyzer/assert.hpp"
#include "storage/slice_log.hpp"
#include "supervisor/campaign/ladder.hpp"
#include "supervisor/campaign/policy.hpp"
#include "supervisor/campaign/verify.hpp"
#include "supervisor/run/verdict.hpp"

namespace ndr {
namespace {

constexpr std::int64_t harmful_failures = 5;

void count_match(const AttemptRow& row, const Arm& arm, Progress& now) {
  now.matched += static_cast<int>(std::max<std::int64_t>(1, row.matched));
  if (!now.hit_arm) now.hit_arm = arm;
  if (row.phase != AttemptPhase::screen || arm.name != "plain") return;
  ++now.screen_matched;
  if (now.screen_iterations < 0) now.screen_iterations = row.iterations;
  now.iterations_vary = now.iterations_vary || row.iterations != now.screen_iterations;
}

void count_raised(const Policy& policy, const AttemptRow& row, Verdict verdict, Progress& now) {
  ++now.raised;
  // Our own limit may end a run that long since passed the place where the plain ones fail.
  const bool went_on =
      verdict == Verdict::timed_out && row.iterations > std::max<std::int64_t>(0, now.screen_iterations);
  if (verdict != Verdict::passed && !went_on) return;
  const std::int64_t iteration_ms = row.exposure_ms / std::max<std::int64_t>(1, row.iterations);
  const bool slow = static_cast<double>(iteration_ms) > policy.operation_timeout_s * 1000;
  ++(slow ? now.raised_slow : now.raised_fast);
  if (slow) now.slowest_ms = std::max(now.slowest_ms, iteration_ms);
}

/// Of a slice: the median of its runs, the time of an iteration at best, and what was counted.
void measure_slice(const AttemptRow& row, const Arm& arm, Progress& now) {
  const std::optional<SliceProgress> sum = progress_from(row.slice_json);
  if (!sum || sum->median_us <= 0) return;
  if (arm.name == "plain") now.run_us = sum->median_us;
  if (arm.counts_points) now.points = sum->points;
  const std::int64_t iteration_us = sum->median_us / std::max(1, arm.iterations);
  if (arm.iterations > 0 && (now.iteration_us == 0 || iteration_us < now.iteration_us))
    now.iteration_us = std::max<std::int64_t>(1, iteration_us);
}

void measure(const AttemptRow& row, const Arm& arm, Progress& now) {
  if (!row.slice_json.empty()) return;
  const bool whole = row.verdict == Verdict::passed;
  // A run of less than a millisecond has passed too, and 0 is none.
  const std::int64_t exposure_ms = std::max<std::int64_t>(1, row.exposure_ms);
  if (whole && (now.shortest_ms == 0 || exposure_ms < now.shortest_ms)) now.shortest_ms = exposure_ms;
  if (row.iterations <= 0 || arm.workers != 1) return;
  const std::int64_t iteration_us = row.exposure_ms * 1000 / row.iterations;
  if (iteration_us > 0 && (now.iteration_us == 0 || iteration_us < now.iteration_us)) now.iteration_us = iteration_us;
  if (whole && arm.iterations == 0)
    now.default_iterations =
        std::max(now.default_iterations, static_cast<int>(std::min<std::int64_t>(row.iterations, 1 << 20)));
}

void count_phase(const Policy& policy, const AttemptRow& row, const Arm& arm, Verdict verdict, Progress& now) {
  const bool answer = is_answer(verdict);
  if (!row.slice_json.empty() && row.phase != AttemptPhase::search) return;
  if (arm.name == "plain") now.plain_worked = now.plain_worked || answer;
  switch (row.phase) {
    case AttemptPhase::screen:
      if (!answer) return;
      if (arm.name == "watchdog")
        count_raised(policy, row, verdict, now);
      else
        ++now.screened;
      return;
    case AttemptPhase::search:
      ++now.searched;
      return;
    case AttemptPhase::confirm:
      if (arm.name == "plain" && answer) now.plain_confirmed = true;
      if (answer && now.hit_arm && is_calm_variant(*now.hit_arm, arm))
        now.calm_misses = verdict == Verdict::reproduced ? 0 : now.calm_misses + 1;
      return;
    case AttemptPhase::reduce:
    case AttemptPhase::verify:
    case AttemptPhase::replay:
      return;
  }
}

ArmRecord& record_of(Progress& now, const Arm& arm) {
  for (ArmRecord& record : now.slices)
    if (record.arm == arm) return record;
  now.slices.emplace_back().arm = arm;
  return now.slices.back();
}

void drop(Progress& now, const std::string& name, std::string why) {
  const auto is_same = [&name](const DroppedArm& dropped) { return dropped.name == name; };
  if (name == "plain" || std::any_of(now.dropped.begin(), now.dropped.end(), is_same)) return;
  now.dropped.push_back({name, std::move(why)});
}

/// An arm that makes other failures more often than CI's, and clearly more often than plain runs have them, is no proof
/// of anything.
void drop_if_harmful(const std::string& name, Progress& now) {
  std::int64_t runs = 0, matched = 0, different = 0, plain_runs = 0, plain_different = 0;
  for (const ArmRecord& record : now.slices) {
    const bool is_plain = record.arm.name == "plain";
    if (is_plain) plain_runs += record.runs;
    if (is_plain) plain_different += record.different;
    if (record.arm.name != name) continue;
    runs += record.runs;
    matched += record.matched;
    different += record.different;
  }
  const double usual = static_cast<double>(plain_different + 1) / static_cast<double>(plain_runs + 1);
  const bool is_harmful = different >= harmful_failures && different > matched &&
                          static_cast<double>(different) > 3 * usual * static_cast<double>(runs);
  if (is_harmful)
    drop(now, name, std::to_string(different) + " of " + std::to_string(runs) + " runs failed otherwise than in CI");
}

void count_slice(const Policy& policy, const AttemptRow& row, const Arm& arm, Progress& now) {
  if (row.phase == AttemptPhase::confirm && now.matched >= policy.confirmations) {
    now.compare_ms += std::max<std::int64_t>(100, row.exposure_ms);
    now.compared_matched += row.matched;
    now.compared_passed += std::max<std::int64_t>(0, row.runs - row.matched - row.different - row.infrastructure);
  }
  ArmRecord& record = record_of(now, arm);
  ++record.slices;
  record.runs += std::max<std::int64_t>(0, row.runs - row.infrastructure);
  record.matched += row.matched;
  record.different += row.different;
  record.near_misses += row.matched == 0 && row.match_grade == to_text(MatchGrade::same_class);
  record.exposure_ms += row.exposure_ms;
  if (row.phase == AttemptPhase::confirm) ++now.confirm_slices;
  if (row.phase == AttemptPhase::reduce) now.reduce_ms += row.exposure_ms;
  measure_slice(row, arm, now);
  drop_if_harmful(arm.name, now);
}

void count_setup_error(const AttemptRow& row, const Arm& arm, Progress& now) {
  if (now.plain_worked && arm.needs_slice())
    return drop(now, arm.name, row.explanation.empty() ? "nothing could be tested" : row.explanation);
  // A plain run has worked, so it is the arm that this host cannot do (xdist is missing): leave the arm out.
  if (now.plain_worked && arm.workers > 1)
    now.worker_cap = 1;
  else
    now.setup_error = row.explanation.empty() ? "nothing could be tested" : row.explanation;
}

void count_contention(const Arm& arm, Progress& now) {
  if (arm.workers > 1)
    now.worker_cap = std::min(now.worker_cap, arm.workers / 2);
  else
    ++now.contention_in_row;
}

/// The board is gone or its links are, which no reset mends; a chip that asks for one is for the reset to mend.
bool is_board_broken(const AttemptRow& row) {
  return row.reason == "board_broken" && row.explanation.find("board_wants_reset") == std::string::npos;
}

void count_breakage(const AttemptRow& row, Verdict verdict, Progress& now) {
  ++now.broken_in_row;
  now.last_breakage = row.explanation.empty() ? std::string{to_text(verdict)} : row.explanation;
  if (is_board_broken(row)) now.board_unusable = now.last_breakage;
}

void count_verdict(const AttemptRow& row, const Arm& arm, Verdict verdict, Progress& now) {
  if (is_answer(verdict)) now.broken_in_row = now.contention_in_row = 0;
  if (is_answer(verdict) && verdict != Verdict::different_failure) now.different_in_row = 0;
  switch (verdict) {
    case Verdict::reproduced:
      return count_match(row, arm, now);
    case Verdict::timed_out:
      if (now.matched == 0) ++now.cut_off;
      return measure(row, arm, now);
    case Verdict::passed:
      return measure(row, arm, now);
    case Verdict::different_failure:
      if (now.matched == 0) ++now.different;
      ++now.different_in_row;
      now.last_difference = row.explanation;
      return;
    case Verdict::contention:
      return count_contention(arm, now);
    case Verdict::setup_error:
      return count_setup_error(row, arm, now);
    case Verdict::infrastructure:
    case Verdict::lost:
      return count_breakage(row, verdict, now);
    case Verdict::cancelled:
      // With a reason it was somebody's signal to the shim, and nobody's wish to end the campaign.
      if (!row.reason.empty()) return count_breakage(row, verdict, now);
      now.cancelled = true;
      return;
    case Verdict::hang:
      if (now.matched == 0) ++now.hung;
      return;
  }
}

/// Whatever came of it, it is no part of a rate: its runs were under the recipe, and nobody counted them.
void count_recipe(const AttemptRow& row, Progress& now) {
  ++now.alone;
  now.alone_matched += row.verdict == Verdict::reproduced;
  if (row.verdict == Verdict::cancelled && row.reason.empty()) now.cancelled = true;
}

void count(const Policy& policy, const AttemptEnded& ended, Progress& now) {
  NDR_ASSERT(ended.row.verdict);
  const Arm arm = arm_of(ended.row);
  ++now.attempts;
  now.spent_ms += ended.elapsed_ms;
  now.board_suspect = ended.board_suspect;
  if (arm.name == recipe_name) return count_recipe(ended.row, now);
  if (policy.verification) count_trial(*policy.verification, ended.row, now);
  if (!ended.row.slice_json.empty()) count_slice(policy, ended.row, arm, now);
  count_phase(policy, ended.row, arm, *ended.row.verdict, now);
  count_verdict(ended.row, arm, *ended.row.verdict, now);
}

void count(const Policy&, const BoardsReset& reset, Progress& now) {
  NDR_ASSERT(reset.row.result);
  now.spent_ms += reset.elapsed_ms;
  now.board_suspect = *reset.row.result != ResetResult::verified;
  now.board_unusable = now.board_suspect ? "board " + reset.row.board + " was not reset: " + reset.row.reason : "";
}

void count(const Policy&, const CancelRequested&, Progress& now) { now.cancelled = true; }

}  // namespace

Progress after(const Policy& policy, Progress now, const Happened& happened) {
  std::visit([&](const auto& fact) { count(policy, fact, now); }, happened);
  return now;
}

Progress progress_from(const Policy& policy, const std::vector<AttemptRow>& attempts, std::int64_t spent_ms,
                       bool board_suspect, const std::string& quarantined) {
  Progress now;
  for (const AttemptRow& row : attempts)
    if (row.verdict) now = after(policy, std::move(now), AttemptEnded{row, false, 0});
  now.spent_ms = spent_ms;
  now.board_suspect = board_suspect;
  if (!quarantined.empty()) now.board_unusable = quarantined;
  return now;
}

}  // namespace ndr
