#include <random>

#include "supervisor/campaign/ladder.hpp"
#include "tests/supervisor/campaign/attempt_samples.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

/// What a daemon stores while a campaign goes on.
struct Stored {
  std::vector<AttemptRow> attempts;
  std::string quarantined;
  std::int64_t spent_ms = 0;
  bool board_suspect = false;
};

Verdict drawn_verdict(std::mt19937_64& random) {
  const std::vector<Verdict> all{Verdict::reproduced, Verdict::passed,         Verdict::passed,
                                 Verdict::passed,     Verdict::passed,         Verdict::different_failure,
                                 Verdict::contention, Verdict::hang,           Verdict::timed_out,
                                 Verdict::lost,       Verdict::infrastructure, Verdict::setup_error};
  return all[random() % all.size()];
}

Happened perform(const RunAttempt& step, std::mt19937_64& random, Stored& stored) {
  const Played played{.verdict = drawn_verdict(random),
                      .iterations = static_cast<std::int64_t>(random() % 3),
                      .exposure_ms = static_cast<std::int64_t>(random() % 20000),
                      .board_suspect = random() % 3 == 0,
                      .explanation = "why"};
  stored.attempts.push_back(row_of(step, played, static_cast<int>(stored.attempts.size()) + 1));
  stored.board_suspect = played.board_suspect;
  return AttemptEnded{stored.attempts.back(), played.board_suspect, played.exposure_ms};
}

Happened perform(const ResetBoards&, std::mt19937_64& random, Stored& stored) {
  ResetRow row;
  row.board = "0";
  row.result = random() % 4 == 0 ? ResetResult::failed : ResetResult::verified;
  stored.board_suspect = row.result != ResetResult::verified;
  stored.quarantined = stored.board_suspect ? "board 0 was not reset: " : "";
  return BoardsReset{row, 15000};
}

Happened perform(const Finish&, std::mt19937_64&, Stored&) { return CancelRequested{}; }

}  // namespace

TEST_CASE("progress rebuilt from stored rows is the live one, at every step of random campaigns") {
  const auto seed = static_cast<std::uint64_t>(GENERATE(range(1, 200)));
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  Policy policy{.mode = seed % 2 == 0 ? CampaignMode::quick : CampaignMode::soak, .seed = seed};
  policy.boards = static_cast<int>(random() % 3);
  policy.device_timeout = random() % 2 == 0;
  Progress live;
  Stored stored;
  for (;;) {
    const Step step = next_step(policy, live);
    if (std::holds_alternative<Finish>(step)) break;
    const Happened happened = std::visit([&](const auto& act) { return perform(act, random, stored); }, step);
    live = after(policy, live, happened);
    stored.spent_ms = live.spent_ms;
    const Progress rebuilt =
        progress_from(policy, stored.attempts, stored.spent_ms, stored.board_suspect, stored.quarantined);
    REQUIRE(rebuilt == live);
    REQUIRE(next_step(policy, rebuilt) == next_step(policy, live));
  }
}

TEST_CASE("attempts that have not ended are not counted") {
  AttemptRow open;
  open.arm = "plain";
  open.parameters = parameters_of(Arm{});
  CHECK(progress_from(Policy{}, {open}, 0, false, "") == Progress{});
}

TEST_CASE("a row whose parameters cannot be read still counts by its arm's name") {
  Play play;
  AttemptRow row = row_of(play.attempt(), Played{.verdict = Verdict::reproduced}, 1);
  row.parameters = "of a newer program";
  const Progress now = after(play.policy, Progress{}, AttemptEnded{row, false, 1000});
  CHECK(now.screen_matched == 1);
}
