#pragma once
#include <string>
#include <utility>

#include "supervisor/campaign/policy.hpp"

namespace ndr {

/// What a test says of one attempt; the rest of its row follows from the step that was decided.
struct Played {
  Verdict verdict = Verdict::passed;
  std::int64_t iterations = 0;
  std::int64_t exposure_ms = 10000;
  bool board_suspect = false;
  std::string explanation;
  std::string reason;
};

inline AttemptRow row_of(const RunAttempt& step, const Played& played, int number) {
  AttemptRow row;
  row.id.value = number;
  row.number = number;
  row.phase = step.phase;
  row.arm = step.arm.name;
  row.parameters = parameters_of(step.arm);
  row.seed = step.seed;
  row.verdict = played.verdict;
  row.explanation = played.explanation;
  row.reason = played.reason;
  row.runs = 1;
  row.matched = played.verdict == Verdict::reproduced ? 1 : 0;
  row.different = played.verdict == Verdict::different_failure ? 1 : 0;
  row.exposure_ms = played.exposure_ms;
  row.iterations = played.iterations;
  return row;
}

/// A campaign whose attempts end as the test says.
struct Play {
  Policy policy;
  Progress now;
  int number = 0;

  Step step() const { return next_step(policy, now); }
  RunAttempt attempt() const {
    const Step next = step();
    const auto* decided = std::get_if<RunAttempt>(&next);
    return decided != nullptr ? *decided : RunAttempt{.phase = AttemptPhase::reduce};
  }
  Finish finish() const {
    const Step next = step();
    const auto* decided = std::get_if<Finish>(&next);
    return decided != nullptr ? *decided : Finish{CampaignOutcome::cancelled, "it goes on"};
  }
  /// The step that was taken.
  RunAttempt ends(const Played& played) {
    RunAttempt taken = attempt();
    now = after(policy, now, AttemptEnded{row_of(taken, played, ++number), played.board_suspect, played.exposure_ms});
    return taken;
  }
  RunAttempt ends(Verdict verdict) { return ends(Played{.verdict = verdict}); }
  void ends(Verdict verdict, int times) {
    for (int i = 0; i < times; ++i)
      ends(verdict);
  }
  void resets(ResetResult result, std::string reason = "") {
    ResetRow row;
    row.board = "0";
    row.result = result;
    row.reason = std::move(reason);
    now = after(policy, now, BoardsReset{row, 15000});
  }
};

}  // namespace ndr
