#include <csignal>

#include "tests/storage/sample_rows.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/dying_child.hpp"

using namespace ndr;

namespace {

struct BoardSample : SampleStore {
  BoardRepository& boards = store.boards;
  BoardSample() { boards.save({.name = "0", .changed_at_ms = 1}); }

  ResetRow reset(std::int64_t created_at_ms) {
    ResetRow row{.board = "0",
                 .campaign_id = campaign,
                 .command = R"(["tt-smi","-r","0"])",
                 .devices_before = R"(["0"])",
                 .requested_by = "campaign",
                 .created_at_ms = created_at_ms};
    row.id = boards.begin_reset(row);
    return row;
  }
  void finish(ResetRow row, ResetResult result) {
    row.devices_after = R"(["0"])";
    row.ended_at_ms = row.created_at_ms + 5;
    row.result = result;
    row.reason = "why";
    row.output = "out";
    row.exit_code = 0;
    row.duration_ms = 5;
    boards.finish_reset(row);
  }
};

}  // namespace

TEST_CASE("a board is saved, then replaced, with its resets kept") {
  BoardSample sample;
  sample.reset(2);
  sample.boards.save(
      {.name = "0", .state = BoardState::dirty, .reason = "hang", .leased_by = sample.campaign, .changed_at_ms = 3});
  const auto row = sample.boards.find("0");
  REQUIRE(row);
  CHECK(row->state == BoardState::dirty);
  CHECK(row->reason == "hang");
  CHECK(row->leased_by == sample.campaign);
  CHECK(row->changed_at_ms == 3);
  CHECK(sample.boards.resets("0", 10).size() == 1);
  CHECK_FALSE(sample.boards.find("1"));
}

TEST_CASE("boards are listed by name") {
  BoardSample sample;
  sample.boards.save({.name = "host"});
  sample.boards.save({.name = "1"});
  const auto rows = sample.boards.list();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].name == "0");
  CHECK(rows[2].name == "host");
}

TEST_CASE("a reset is an intent until its result is written, once") {
  BoardSample sample;
  const ResetRow intent = sample.reset(2);
  REQUIRE(sample.boards.unfinished_resets().size() == 1);
  CHECK(sample.boards.unfinished_resets()[0].command == R"(["tt-smi","-r","0"])");
  CHECK_FALSE(sample.boards.find_reset(intent.id)->result);
  CHECK(signal_ending([&] { sample.boards.finish_reset(intent); }) == SIGABRT);  // without a result
  sample.finish(intent, ResetResult::verified);
  CHECK(signal_ending([&] { sample.finish(intent, ResetResult::failed); }) == SIGABRT);
  const auto row = *sample.boards.find_reset(intent.id);
  CHECK(row.result == ResetResult::verified);
  CHECK(row.devices_before == R"(["0"])");
  CHECK(row.devices_after == R"(["0"])");
  CHECK(row.campaign_id == sample.campaign);
  CHECK(row.ended_at_ms == 7);
  CHECK(row.reason == "why");
  CHECK(row.output == "out");
  CHECK(row.exit_code == 0);
  CHECK(row.duration_ms == 5);
  CHECK(sample.boards.unfinished_resets().empty());
}

TEST_CASE("only failed and unverified resets of this board and time count as bad") {
  BoardSample sample;
  sample.boards.save({.name = "1"});
  sample.finish(sample.reset(10), ResetResult::failed);
  sample.finish(sample.reset(20), ResetResult::verified);
  sample.finish(sample.reset(30), ResetResult::unverified);
  sample.finish(sample.reset(40), ResetResult::failed);
  sample.reset(50);
  CHECK(sample.boards.bad_resets_since("0", 0) == 3);
  CHECK(sample.boards.bad_resets_since("0", 30) == 2);
  CHECK(sample.boards.bad_resets_since("0", 41) == 0);
  CHECK(sample.boards.bad_resets_since("1", 0) == 0);
}

TEST_CASE("resets are listed newest first") {
  BoardSample sample;
  sample.finish(sample.reset(1), ResetResult::verified);
  const ResetRow middle = sample.reset(2);
  sample.finish(middle, ResetResult::verified);
  const ResetId second = middle.id;
  const ResetId third = sample.reset(3).id;
  const auto rows = sample.boards.resets("0", 2);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].id == third);
  CHECK(rows[1].id == second);
}

TEST_CASE("a board has one open reset at most") {
  BoardSample sample;
  const ResetRow open = sample.reset(1);
  CHECK_THROWS_WITH(sample.reset(2), ContainsSubstring("UNIQUE constraint failed"));
  sample.finish(open, ResetResult::unverified);
  CHECK_NOTHROW(sample.reset(3));
}

TEST_CASE("a reset of a board that was never seen is refused by its reference") {
  BoardSample sample;
  CHECK_THROWS_WITH(sample.boards.begin_reset({.board = "9", .command = "[]", .devices_before = "[]"}),
                    ContainsSubstring("FOREIGN KEY constraint failed"));
}
