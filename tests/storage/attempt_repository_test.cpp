#include <csignal>

#include "tests/storage/sample_rows.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/dying_child.hpp"

using namespace ndr;

namespace {

AttemptRow outcome_of(AttemptRow row) {
  row.ended_at_ms = 3000;
  row.verdict = Verdict::reproduced;
  row.reason = "mid_run";
  row.explanation = "device timeout as in CI";
  row.match_grade = "exact";
  row.match_reasons = R"(["exception: RuntimeError = RuntimeError"])";
  row.failure_json = R"({"exception":"RuntimeError"})";
  row.exit_code = 1;
  row.term_signal = 6;
  row.runs = 1;
  row.matched = 2;
  row.different = 3;
  row.infrastructure = 4;
  row.exposure_ms = 5;
  row.iterations = 6;
  row.log_bytes = 7;
  row.log_offset = 8;
  return row;
}

}  // namespace

TEST_CASE("an intent is read back with its campaign's case and without an outcome") {
  SampleStore sample;
  auto& attempts = sample.store.attempts;
  const AttemptId id = attempts.begin(sample.intent(7));
  const auto row = attempts.find(id);
  REQUIRE(row);
  CHECK(row->case_id == sample.case_id);
  CHECK(row->case_name == "gather-timeout");
  CHECK(row->number == 7);
  CHECK(row->phase == AttemptPhase::screen);
  CHECK(row->arm == "workers");
  CHECK(row->parameters == R"({"workers":4})");
  CHECK(row->seed == 0xffffffffffffffff);
  CHECK(row->subject == "rev:abc");
  CHECK_FALSE(row->spawned_at_ms);
  CHECK_FALSE(row->verdict);
  CHECK_FALSE(row->exit_code);
}

TEST_CASE("an attempt is found by its case and number") {
  SampleStore sample;
  const AttemptId id = sample.store.attempts.begin(sample.intent(3));
  REQUIRE(sample.store.attempts.find(sample.case_id, 3));
  CHECK(sample.store.attempts.find(sample.case_id, 3)->id == id);
  CHECK_FALSE(sample.store.attempts.find(sample.case_id, 4));
}

TEST_CASE("a number is used once within a case, also by another campaign") {
  SampleStore sample;
  sample.store.attempts.begin(sample.intent(1));
  AttemptRow again = sample.intent(1);
  again.campaign_id = sample.new_campaign(2);
  CHECK_THROWS_WITH(sample.store.attempts.begin(again),
                    ContainsSubstring("INSERT INTO attempts") &&
                        ContainsSubstring("UNIQUE constraint failed: attempts.case_id, attempts.number"));
  CHECK(sample.store.attempts.last_number(sample.case_id) == 1);
}

TEST_CASE("an attempt of no campaign is a bug") {
  SampleStore sample;
  AttemptRow orphan = sample.intent(1);
  orphan.campaign_id = {999};
  CHECK(signal_ending([&] { sample.store.attempts.begin(orphan); }) == SIGABRT);
}

TEST_CASE("every column of the outcome is read back") {
  SampleStore sample;
  auto& attempts = sample.store.attempts;
  AttemptRow row = sample.intent(1);
  row.id = attempts.begin(row);
  attempts.spawned(row.id, 1500);
  attempts.progress(row.id, 4096, 12);
  CHECK(attempts.find(row.id)->log_offset == 4096);
  CHECK(attempts.find(row.id)->iterations == 12);
  attempts.finish(outcome_of(row));
  const AttemptRow read = *attempts.find(row.id);
  CHECK(read.spawned_at_ms == 1500);
  CHECK(read.ended_at_ms == 3000);
  CHECK(read.verdict == Verdict::reproduced);
  CHECK(read.reason == "mid_run");
  CHECK(read.explanation == "device timeout as in CI");
  CHECK(read.match_grade == "exact");
  CHECK(read.match_reasons == R"(["exception: RuntimeError = RuntimeError"])");
  CHECK(read.failure_json == R"({"exception":"RuntimeError"})");
  CHECK(read.exit_code == 1);
  CHECK(read.term_signal == 6);
  CHECK(std::vector{read.runs, read.matched, read.different, read.infrastructure, read.exposure_ms, read.iterations} ==
        std::vector<std::int64_t>{1, 2, 3, 4, 5, 6});
  CHECK(read.log_bytes == 7);
  CHECK(read.log_offset == 8);
}

TEST_CASE("a verdict is written once") {
  SampleStore sample;
  AttemptRow row = sample.intent(1);
  row.id = sample.store.attempts.begin(row);
  const AttemptRow ended = outcome_of(row);
  sample.store.attempts.finish(ended);
  AttemptRow changed = ended;
  changed.verdict = Verdict::passed;
  CHECK(signal_ending([&] { sample.store.attempts.finish(changed); }) == SIGABRT);
  CHECK(signal_ending([&] { sample.store.attempts.spawned(row.id, 9); }) == SIGABRT);
  CHECK(signal_ending([&] { sample.store.attempts.progress(row.id, 9, 9); }) == SIGABRT);
  CHECK(sample.store.attempts.find(row.id)->verdict == Verdict::reproduced);
}

TEST_CASE("an ending without a verdict is a bug") {
  SampleStore sample;
  AttemptRow row = sample.intent(1);
  row.id = sample.store.attempts.begin(row);
  CHECK(signal_ending([&] { sample.store.attempts.finish(row); }) == SIGABRT);
}

TEST_CASE("unfinished attempts are those without a verdict, oldest first") {
  SampleStore sample;
  auto& attempts = sample.store.attempts;
  AttemptRow first = sample.intent(1);
  first.id = attempts.begin(first);
  const AttemptId second = attempts.begin(sample.intent(2));
  const AttemptId third = attempts.begin(sample.intent(3));
  attempts.finish(outcome_of(first));
  const auto open = attempts.unfinished();
  REQUIRE(open.size() == 2);
  CHECK(open[0].id == second);
  CHECK(open[1].id == third);
  CHECK(attempts.of_campaign(sample.campaign).size() == 3);
  CHECK(attempts.of_campaign(sample.campaign)[0].id == first.id);
}

TEST_CASE("the last number of a case without attempts is 0") {
  SampleStore sample;
  CHECK(sample.store.attempts.last_number(sample.case_id) == 0);
  sample.store.attempts.begin(sample.intent(41));
  CHECK(sample.store.attempts.last_number(sample.case_id) == 41);
}

TEST_CASE("log signals are paged by id and belong to their attempt") {
  SampleStore sample;
  auto& attempts = sample.store.attempts;
  const AttemptId one = attempts.begin(sample.intent(1));
  const AttemptId other = attempts.begin(sample.intent(2));
  std::vector<LogSignalRow> rows;
  for (std::uint64_t i = 0; i < 10; ++i)
    rows.push_back({.attempt_id = i % 2 == 0 ? one : other,
                    .rule = "device-timeout",
                    .signal_class = "device_timeout",
                    .offset = i,
                    .line = "line \xff" + std::to_string(i),
                    .fields_json = "{}",
                    .seen_at_ms = 5});
  attempts.add_signals(rows);
  CHECK(attempts.signal_count(one) == 5);
  const auto page = attempts.signals(one, 0, 3);
  REQUIRE(page.size() == 3);
  CHECK(page[2].offset == 4);
  CHECK(page[2].line ==
        "line \xef\xbf\xbd"
        "4");
  const auto rest = attempts.signals(one, page[2].id, 3);
  REQUIRE(rest.size() == 2);
  CHECK(rest[0].offset == 6);
  CHECK(rest[1].offset == 8);
}

TEST_CASE("a log signal of a class that there is not is refused") {
  SampleStore sample;
  LogSignalRow row;
  row.attempt_id = sample.store.attempts.begin(sample.intent(1));
  row.rule = "site.rule";
  row.signal_class = "device_time_out";
  row.fields_json = "{}";
  CHECK_THROWS_WITH(sample.store.attempts.add_signals({row}), ContainsSubstring("CHECK constraint failed"));
}
