#include "supervisor/campaign/replay.hpp"

#include "supervisor/campaign/policy.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

Replay some_replay() {
  Replay replay;
  replay.of = AttemptId{12};
  replay.attempt = "ledger/7";
  replay.arm.name = "noise";
  replay.arm.copies = 4;
  replay.arm.noise_chance = 0.1;
  replay.arm.noise_us = 1500;
  replay.seed = 2147483647;
  replay.slice = SlicePlan{.duration_ms = 700, .run_limit_ms = 1234, .runs = 5};
  replay.times = 3;
  return replay;
}

AttemptRow ended(Verdict verdict) {
  AttemptRow row;
  row.phase = AttemptPhase::replay;
  row.arm = "noise";
  row.parameters = parameters_of(some_replay().arm);
  row.verdict = verdict;
  row.runs = 1;
  row.matched = verdict == Verdict::reproduced;
  return row;
}

}  // namespace

TEST_CASE("a replay is read back as it was written, in its policy too") {
  CHECK(replay_from(to_json_text(some_replay())) == some_replay());
  Replay single = some_replay();
  single.slice.reset();
  CHECK(replay_from(to_json_text(single)) == single);
  Policy policy;
  policy.mode = CampaignMode::replay;
  policy.replay = some_replay();
  CHECK(policy_from(to_json_text(policy)) == policy);
  CHECK_FALSE(replay_from("{}"));
  CHECK_FALSE(replay_from("[]"));
}

TEST_CASE("a replay makes the same attempt until it matches, as often as it was asked for") {
  Policy policy;
  policy.mode = CampaignMode::replay;
  policy.replay = some_replay();
  policy.budget_ms = 3 * 360000;
  Progress now;
  for (int time = 0; time < 3; ++time) {
    const Step step = next_step(policy, now);
    REQUIRE(std::holds_alternative<RunAttempt>(step));
    const auto& attempt = std::get<RunAttempt>(step);
    CHECK(attempt.arm == some_replay().arm);
    CHECK(attempt.seed == some_replay().seed);
    CHECK(attempt.slice == some_replay().slice);
    CHECK(attempt.phase == AttemptPhase::replay);
    Progress hit = after(policy, now, AttemptEnded{ended(Verdict::reproduced), false, 10});
    const Step end = next_step(policy, hit);
    REQUIRE(std::holds_alternative<Finish>(end));
    CHECK(std::get<Finish>(end).outcome == CampaignOutcome::reproduced);
    now = after(policy, now, AttemptEnded{ended(Verdict::passed), false, 10});
  }
  const Step end = next_step(policy, now);
  REQUIRE(std::holds_alternative<Finish>(end));
  CHECK(std::get<Finish>(end).outcome == CampaignOutcome::not_reproduced);
  CHECK(std::get<Finish>(end).reason == "no match in 3 replays of ledger/7");
}
