#include "supervisor/campaign/policy.hpp"

#include <set>

#include "tests/supervisor/campaign/attempt_samples.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

Policy board_policy() { return Policy{.boards = 1, .device_timeout = true}; }

Policy soak() { return Policy{.mode = CampaignMode::soak, .budget_ms = 3600000}; }

/// Screen passed, first match by two workers.
Play hit_by_workers(Policy policy = {}) {
  Play play{.policy = policy};
  while (play.attempt().arm.workers != 2)
    play.ends(Played{.verdict = Verdict::passed, .exposure_ms = 1000});
  play.ends(Played{.verdict = Verdict::reproduced, .exposure_ms = 1000});
  return play;
}

}  // namespace

TEST_CASE("a campaign begins with unamplified sequential runs: two in quick mode, three in soak mode") {
  for (const auto& [policy, runs] : {std::pair{Policy{}, 2}, std::pair{soak(), 3}}) {
    Play play{.policy = policy};
    for (int i = 0; i < runs; ++i) {
      const RunAttempt taken = play.ends(Verdict::passed);
      CHECK(taken.phase == AttemptPhase::screen);
      CHECK(taken.arm == Arm{});
    }
    CHECK(play.attempt().phase == AttemptPhase::search);
  }
}

TEST_CASE("six unamplified runs that all match are called deterministic") {
  Play play;
  play.ends(Verdict::reproduced, 5);
  CHECK(play.attempt().phase == AttemptPhase::screen);
  play.ends(Verdict::reproduced);
  CHECK(play.finish().outcome == CampaignOutcome::deterministic);
}

TEST_CASE("runs that match at different iterations are a race, however often they match") {
  Play play;
  play.ends(Played{.verdict = Verdict::reproduced, .iterations = 3});
  play.ends(Played{.verdict = Verdict::reproduced, .iterations = 17});
  CHECK(play.attempt().phase == AttemptPhase::confirm);
  play.ends(Verdict::reproduced);
  CHECK(play.finish().outcome == CampaignOutcome::reproduced);
}

TEST_CASE("a screen with a match and a pass goes on to confirm") {
  Play play;
  play.ends(Verdict::passed);
  play.ends(Verdict::reproduced);
  CHECK(play.attempt().phase == AttemptPhase::confirm);
  CHECK(play.attempt().arm == Arm{});
}

TEST_CASE("device timeouts in the screen raise the watchdog four times and then switch it off") {
  Play play{.policy = board_policy()};
  play.ends(Verdict::reproduced, 2);
  const RunAttempt patient = play.ends(Played{.verdict = Verdict::reproduced, .iterations = 0});
  CHECK(patient.phase == AttemptPhase::screen);
  CHECK(patient.arm.name == "watchdog");
  CHECK(patient.arm.watchdog_scale == 4);
  const RunAttempt off = play.ends(Verdict::hang);
  CHECK(off.arm.watchdog_scale == 0);
  CHECK(play.attempt().arm == Arm{});  // no margin: on with the screen
}

TEST_CASE("a run that passes slower than the limit with the watchdog raised is a margin, not a race") {
  Play play{.policy = board_policy()};
  play.ends(Verdict::reproduced, 2);
  play.ends(Played{.verdict = Verdict::passed, .iterations = 1, .exposure_ms = 8600});
  CHECK(play.attempt().arm.name == "watchdog");  // once may be luck
  play.ends(Played{.verdict = Verdict::passed, .iterations = 1, .exposure_ms = 8700});
  CHECK(play.finish().outcome == CampaignOutcome::margin);
  CHECK_THAT(play.finish().reason, ContainsSubstring("8.7 s an iteration against a limit of 5.0 s"));
}

TEST_CASE("our own limit does not hide a margin") {
  Play play{.policy = board_policy()};
  play.ends(Verdict::reproduced, 2);
  for (int i = 0; i < 2; ++i)
    play.ends(Played{.verdict = Verdict::timed_out, .iterations = 6, .exposure_ms = 55000});
  CHECK(play.finish().outcome == CampaignOutcome::margin);
}

TEST_CASE("a pass within the limit rules the margin out") {
  Play play{.policy = board_policy()};
  play.ends(Verdict::reproduced, 2);
  play.ends(Played{.verdict = Verdict::passed, .iterations = 1, .exposure_ms = 900});
  CHECK(play.attempt().arm == Arm{});
}

TEST_CASE("there is no margin screen where it could say nothing") {
  Policy fixed = board_policy();
  fixed.watchdog_adjustable = false;
  Policy no_timeout = board_policy();
  no_timeout.device_timeout = false;
  Policy off = board_policy();
  off.operation_timeout_s = 0;
  for (const Policy& policy : {fixed, no_timeout, off}) {
    Play play{.policy = policy};
    play.ends(Verdict::reproduced, 2);
    CHECK(play.attempt().arm == Arm{});
  }
}

TEST_CASE("the arm that hit is tried with one worker first") {
  Play play = hit_by_workers();
  CHECK(play.attempt().phase == AttemptPhase::confirm);
  CHECK(play.attempt().arm.workers == 1);
  play.ends(Verdict::reproduced);
  CHECK(play.attempt().arm.workers == 1);  // it hits: the log stays clean
}

TEST_CASE("the arm that hit keeps its workers where one worker does not hit") {
  Play play = hit_by_workers();
  play.ends(Played{.verdict = Verdict::passed, .exposure_ms = 1000});
  play.ends(Played{.verdict = Verdict::passed, .exposure_ms = 1000});
  CHECK(play.attempt().arm == amplified(0, 2, 0));
}

TEST_CASE("three matches and one plain sequential run make it reproduced") {
  Play play;
  play.ends(Verdict::passed, 2);
  while (play.attempt().arm != amplified(200, 2, 0))
    play.ends(Verdict::passed);
  play.ends(Verdict::reproduced, 3);
  CHECK(play.attempt().phase == AttemptPhase::confirm);
  CHECK(play.attempt().arm == Arm{});
  play.ends(Verdict::passed);
  CHECK(play.finish().outcome == CampaignOutcome::reproduced);
  CHECK(play.finish().reason == "3 matched of 3 wanted");
}

TEST_CASE("without a match the campaign ends when four fifths of the budget are spent") {
  Play play;
  while (std::holds_alternative<RunAttempt>(play.step()))
    play.ends(Verdict::passed);
  CHECK(play.finish().outcome == CampaignOutcome::not_reproduced);
  CHECK(play.now.spent_ms == 240000);
  CHECK(play.finish().reason == "no match; 240.0 s of 300.0 s spent; the rest is kept for confirmation");
}

TEST_CASE("the end says what was not spent, and why") {
  Play play;
  while (std::holds_alternative<RunAttempt>(play.step()))
    play.ends(Played{.verdict = Verdict::passed, .exposure_ms = 50000});
  CHECK(play.finish().reason ==
        "no match; 200.0 s of 300.0 s spent; 40.0 s are too short for another attempt, the rest is kept for "
        "confirmation");
  play.now.matched = 1;
  play.now.hit_arm = Arm{};
  play.now.spent_ms = 260000;
  CHECK(play.finish().reason ==
        "1 matched of 3 wanted; 260.0 s of 300.0 s spent; the rest is too short for another attempt");
  play.now.matched = 0;
  play.now.spent_ms = 310000;
  CHECK(play.finish().reason == "no match; the budget of 300.0 s is used up");
}

TEST_CASE("the end names the runs that hung or were cut off") {
  Play play;
  play.ends(Verdict::hang);
  play.ends(Verdict::timed_out);
  play.ends(Verdict::timed_out);
  play.now.spent_ms = 300000;
  CHECK_THAT(play.finish().reason,
             ContainsSubstring("no match, 1 hang unlike in CI, 2 runs cut off at the time limit; the budget"));
}

TEST_CASE("after a match the reserve is there to confirm it") {
  Play play;
  while (play.now.spent_ms < 230000)
    play.ends(Verdict::passed);
  play.ends(Verdict::reproduced);
  CHECK(play.attempt().phase == AttemptPhase::confirm);
  while (std::holds_alternative<RunAttempt>(play.step()))
    play.ends(Verdict::passed);
  CHECK(play.finish().outcome == CampaignOutcome::reproduced);
  CHECK_THAT(play.finish().reason, ContainsSubstring("1 matched of 3 wanted; the budget of 300.0 s is used up"));
  CHECK(play.now.spent_ms == 300000);
}

TEST_CASE("an attempt's deadline is its own limit or what is left before the reserve") {
  Play play;
  CHECK(play.attempt().deadline_ms == 240000);
  play.policy.attempt_ms = 60000;
  CHECK(play.attempt().deadline_ms == 60000);
  play.now.spent_ms = 200000;
  CHECK(play.attempt().deadline_ms == 40000);
}

TEST_CASE("no attempt is begun that cannot end in time") {
  Play play;
  play.ends(Played{.verdict = Verdict::passed, .exposure_ms = 50000});
  play.now.spent_ms = 195000;
  CHECK(play.finish().outcome == CampaignOutcome::not_reproduced);
}

TEST_CASE("a campaign leaves at most a thousand logs in quick mode") {
  Play play;
  while (std::holds_alternative<RunAttempt>(play.step()))
    play.ends(Played{.verdict = Verdict::passed, .exposure_ms = 1});
  CHECK(play.now.attempts == 1000);
  CHECK_THAT(play.finish().reason, ContainsSubstring("the limit of 1000 attempts"));
}

TEST_CASE("a suspect board is reset before anything else") {
  Play play{.policy = board_policy()};
  play.ends(Played{.verdict = Verdict::hang, .board_suspect = true});
  CHECK(play.step() == Step{ResetBoards{}});
  play.resets(ResetResult::verified);
  CHECK(play.attempt().phase == AttemptPhase::screen);
}

TEST_CASE("a suspect board is reset before a campaign ends, but not beyond its budget") {
  Play play{.policy = board_policy()};
  play.ends(Verdict::passed);
  play.ends(Verdict::reproduced, 2);
  play.ends(Played{.verdict = Verdict::reproduced, .board_suspect = true});
  CHECK(play.step() == Step{ResetBoards{}});
  play.now.spent_ms = 300000;
  CHECK(play.finish().outcome == CampaignOutcome::reproduced);
}

TEST_CASE("a campaign without a match may use the reserve to leave the board in order") {
  Play play{.policy = board_policy()};
  while (play.now.spent_ms < 230000)
    play.ends(Verdict::passed);
  play.ends(Played{.verdict = Verdict::hang, .exposure_ms = 20000, .board_suspect = true});
  CHECK(play.now.spent_ms > 240000);
  CHECK(play.step() == Step{ResetBoards{}});
  play.resets(ResetResult::verified);
  CHECK(play.finish().outcome == CampaignOutcome::not_reproduced);
}

TEST_CASE("a broken board ends the campaign, unless a reset may mend it") {
  Play play{.policy = board_policy()};
  Played broken{.verdict = Verdict::infrastructure, .board_suspect = true, .reason = "board_broken"};
  broken.explanation = "the board or its topology is broken: tenstorrent.no_chips";
  play.ends(broken);
  CHECK(play.finish() == Finish{CampaignOutcome::board_unusable, broken.explanation});
  Play mended{.policy = board_policy()};
  broken.explanation = "the board or its topology is broken: tenstorrent.board_wants_reset";
  mended.ends(broken);
  CHECK(mended.step() == Step{ResetBoards{}});
  mended.resets(ResetResult::verified);
  CHECK(std::holds_alternative<RunAttempt>(mended.step()));
}

TEST_CASE("a signal that somebody sent to the shim does not end the campaign as cancelled") {
  Play play;
  const Played stopped{.verdict = Verdict::cancelled, .explanation = "stopped from outside", .reason = "stopped"};
  play.ends(stopped);
  CHECK(std::holds_alternative<RunAttempt>(play.step()));
  play.ends(stopped);
  play.ends(stopped);
  CHECK(play.finish().outcome == CampaignOutcome::setup_error);
}

TEST_CASE("a plain run that could not be judged confirms nothing") {
  for (const Verdict verdict : {Verdict::lost, Verdict::infrastructure}) {
    Play play = hit_by_workers();
    while (play.now.matched < play.policy.confirmations)
      play.ends(Played{.verdict = Verdict::reproduced, .exposure_ms = 1000});
    CHECK(play.attempt().arm == Arm{});
    play.ends(Played{.verdict = verdict, .exposure_ms = 1000});
    CHECK(play.attempt().arm == Arm{});
    play.ends(Played{.verdict = Verdict::passed, .exposure_ms = 1000});
    CHECK(play.finish().outcome == CampaignOutcome::reproduced);
  }
}

TEST_CASE("a board that does not come back ends the campaign") {
  for (const ResetResult result : {ResetResult::failed, ResetResult::unverified}) {
    Play play{.policy = board_policy()};
    play.ends(Played{.verdict = Verdict::hang, .board_suspect = true});
    play.resets(result, "device 0 is gone");
    CHECK(play.finish().outcome == CampaignOutcome::board_unusable);
    CHECK_THAT(play.finish().reason, ContainsSubstring("device 0 is gone"));
  }
}

TEST_CASE("a match stays a match when the board dies after it") {
  Play play{.policy = board_policy()};
  play.ends(Verdict::passed);
  play.ends(Played{.verdict = Verdict::reproduced, .board_suspect = true});
  play.resets(ResetResult::failed, "device 0 is gone");
  CHECK(play.finish().outcome == CampaignOutcome::reproduced);
  CHECK_THAT(play.finish().reason, ContainsSubstring("1 matched of 3 wanted; then board 0 was not reset"));
}

TEST_CASE("a set-up error ends the campaign at once") {
  Play play;
  play.ends(Played{.verdict = Verdict::setup_error, .explanation = "collected 0 items"});
  CHECK(play.finish() == Finish{CampaignOutcome::setup_error, "collected 0 items"});
}

TEST_CASE("an amplified run that cannot be set up where plain runs work only loses its arm") {
  Play play;
  while (play.attempt().arm.workers == 1)
    play.ends(Verdict::passed);
  play.ends(Played{.verdict = Verdict::setup_error, .explanation = "unrecognized arguments: -n"});
  for (int i = 0; i < 10; ++i)
    CHECK(play.ends(Verdict::passed).arm.workers == 1);
}

TEST_CASE("three lost attempts in a row end the campaign, two do not") {
  Play play;
  play.ends(Verdict::lost, 2);
  play.ends(Verdict::passed);
  play.ends(Verdict::lost);
  play.ends(Verdict::infrastructure);
  CHECK(std::holds_alternative<RunAttempt>(play.step()));
  play.ends(Played{.verdict = Verdict::lost, .explanation = "the shim was killed"});
  CHECK(play.finish().outcome == CampaignOutcome::setup_error);
  CHECK_THAT(play.finish().reason, ContainsSubstring("the shim was killed"));
}

TEST_CASE("runs that could not be judged are no part of the screen") {
  Play play;
  play.ends(Verdict::lost);
  play.ends(Verdict::contention);
  play.ends(Verdict::infrastructure);
  CHECK(play.now.screened == 0);
}

TEST_CASE("contention with one worker three times in a row is somebody else on the board") {
  Play play{.policy = board_policy()};
  play.ends(Verdict::contention, 3);
  CHECK(play.finish().outcome == CampaignOutcome::board_unusable);
}

TEST_CASE("more than five different failures in a row end the campaign with the difference") {
  Play play{.policy = soak()};
  for (int i = 0; i < 5; ++i)
    play.ends(Played{.verdict = Verdict::different_failure, .explanation = "ModuleNotFoundError: ttnn"});
  CHECK(std::holds_alternative<RunAttempt>(play.step()));
  CHECK(play.now.different == 5);
  play.ends(Played{.verdict = Verdict::different_failure, .explanation = "ModuleNotFoundError: ttnn"});
  CHECK(play.finish().outcome == CampaignOutcome::not_reproduced);
  CHECK_THAT(play.finish().reason, ContainsSubstring("ModuleNotFoundError: ttnn"));
}

TEST_CASE("different failures after a match do not end the campaign") {
  Play play{.policy = soak()};
  play.ends(Verdict::passed);
  play.ends(Verdict::reproduced);
  play.ends(Verdict::different_failure, 10);
  CHECK(std::holds_alternative<RunAttempt>(play.step()));
  CHECK(play.now.different == 0);
}

TEST_CASE("a cancelled campaign ends as cancelled, whatever it was about") {
  Play play;
  play.ends(Verdict::passed);
  play.now = after(play.policy, play.now, CancelRequested{});
  CHECK(play.finish().outcome == CampaignOutcome::cancelled);
  Play stopped;
  stopped.ends(Verdict::cancelled);
  CHECK(stopped.finish().outcome == CampaignOutcome::cancelled);
}

TEST_CASE("every attempt has a seed of its own that any script can read") {
  Play play{.policy = Policy{.seed = 42}};
  std::set<std::uint64_t> seeds;
  for (int i = 0; i < 10; ++i)
    seeds.insert(play.ends(Played{.verdict = Verdict::passed, .exposure_ms = 1000}).seed);
  CHECK(seeds.size() == 10);
  CHECK(*seeds.rbegin() < (1ull << 31));
}

TEST_CASE("the smallest visible rate is what the budget shows with 90 percent") {
  // Worked numbers: 45 runs see 5.0 %, 13 runs see 16 %, 1 run sees 90 %.
  CHECK(smallest_visible_rate(Policy{.budget_ms = 337500, .expected_attempt_ms = 6000}) ==
        Approx(0.0499).epsilon(0.01));
  CHECK(smallest_visible_rate(Policy{.budget_ms = 325000, .expected_attempt_ms = 20000}) ==
        Approx(0.162).epsilon(0.01));
  CHECK(smallest_visible_rate(Policy{.expected_attempt_ms = 240000}) == Approx(0.9));
  CHECK(smallest_visible_rate(Policy{.expected_attempt_ms = 300000}) == 1.0);
}

TEST_CASE("a policy comes back from its text") {
  Policy policy{.mode = CampaignMode::soak, .seed = 0xffffffffffffffffu, .budget_ms = 7200000, .attempt_ms = 60000};
  policy.confirmations = 5;
  policy.boards = 2;
  policy.plain_iterations = 1;
  policy.device_timeout = true;
  policy.watchdog_adjustable = false;
  policy.operation_timeout_s = 7.5;
  policy.expected_attempt_ms = 1234;
  CHECK(policy_from(to_json_text(policy)) == policy);
  CHECK_FALSE(policy_from(""));
  CHECK_FALSE(policy_from("{}"));
  CHECK_FALSE(policy_from(R"({"mode":"leisurely"})"));
  std::string no_seed = to_json_text(Policy{});
  no_seed.replace(no_seed.find("\"0\""), 3, "\"x\"");
  CHECK_FALSE(policy_from(no_seed));
}
