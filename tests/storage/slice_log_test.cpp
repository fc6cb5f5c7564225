#include "storage/slice_log.hpp"

#include <random>

#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

SliceRun failing_run() {
  SliceRun run;
  run.run = 17;
  run.copy = 3;
  run.seed = 18446744073709551615ull;
  run.kept = Kept::failed;
  run.exit_code = 134;
  run.duration_us = 1234567;
  run.leftovers = 2;
  run.places = {{"/cases/a b/\"queue\"\n", 0xfffffffffffff000ull}, {"/usr/lib/libc.so.6", 1}};
  return run;
}

SliceRun stopped_run() {
  SliceRun run;
  run.run = 18;
  run.kept = Kept::failed;
  run.term_signal = 9;
  run.stood_still = true;
  return run;
}

SliceRun passing_run(Kept kept) {
  SliceRun run;
  run.run = 1;
  run.kept = kept;
  run.exit_code = 0;
  return run;
}

SliceProgress sum() {
  SliceProgress progress;
  progress.runs = 20;
  progress.passed = 18;
  progress.kept = 2;
  progress.cut = 3;
  progress.elapsed_ms = 1017;
  progress.over = true;
  progress.median_us = 900;
  progress.p99_us = 4000;
  progress.points = 77;
  progress.preempting = "fifo";
  progress.trouble = "cannot start it: no \"such\" file";
  progress.passed_places = {{{"/cases/queue", 4096}, 12}, {{"/usr/lib/libc.so.6", 1}, 3}};
  return progress;
}

std::string framed(const SliceRun& run, const std::string& output) {
  return frame_head(run, output.size()) + output + frame_tail(run);
}

SliceRun placed(SliceRun run, const std::string& log, const std::string& output) {
  run.begin = log.find(output);
  run.end = run.begin + output.size();
  return run;
}

std::vector<SliceEvent> in_two_pieces(std::string_view log, std::size_t at) {
  SliceLogReader reader;
  std::vector<SliceEvent> events = reader.feed(log.substr(0, at));
  for (SliceEvent& event : reader.feed(log.substr(at)))
    events.push_back(std::move(event));
  return events;
}

}  // namespace

TEST_CASE("runs and progress of a slice come back from its log, each run with the place of its bytes") {
  SliceProgress under_way;
  under_way.runs = 5;
  under_way.passed = 5;
  under_way.elapsed_ms = 1000;
  const std::string first{"healthy\n"};
  const std::string failure{"Assertion `a == b' failed.\0\xff\r\n", 31};
  const std::string log = framed(passing_run(Kept::first_passed), first) + progress_line(under_way) +
                          framed(failing_run(), failure) + framed(stopped_run(), "") +
                          framed(passing_run(Kept::last_passed), "no newline") + progress_line(sum());
  const std::vector<SliceEvent> events = slice_events(log);
  REQUIRE(events.size() == 6);
  CHECK(events[0] == SliceEvent{placed(passing_run(Kept::first_passed), log, first)});
  CHECK(events[1] == SliceEvent{under_way});
  CHECK(events[2] == SliceEvent{placed(failing_run(), log, failure)});
  const auto& stopped = std::get<SliceRun>(events[3]);
  CHECK(stopped.begin == stopped.end);
  CHECK((stopped.term_signal == 9 && stopped.stood_still && !stopped.exit_code));
  CHECK(events[4] == SliceEvent{placed(passing_run(Kept::last_passed), log, "no newline")});
  CHECK(events[5] == SliceEvent{sum()});
}

TEST_CASE("a log cut into pieces at any byte says the same") {
  const std::string log = framed(failing_run(), "one\ntwo\n#ndrepro end 17\n") +
                          framed(passing_run(Kept::literal), "") + progress_line(sum());
  const std::vector<SliceEvent> whole = slice_events(log);
  REQUIRE(whole.size() == 3);
  for (std::size_t at = 0; at <= log.size(); ++at) {
    INFO("cut at " << at);
    CHECK(in_two_pieces(log, at) == whole);
  }
  SliceLogReader reader;
  std::vector<SliceEvent> by_bytes;
  for (const char byte : log)
    for (SliceEvent& event : reader.feed({&byte, 1}))
      by_bytes.push_back(std::move(event));
  CHECK(by_bytes == whole);
}

TEST_CASE("what a run writes is never taken for a frame or a sum") {
  SliceRun forged = failing_run();
  forged.run = 99;
  const std::string hostile =
      "\n" + frame_tail(failing_run()) + framed(forged, "forged") + progress_line(sum()) + frame_head(forged, 1000000);
  const std::string log = framed(failing_run(), hostile) + framed(stopped_run(), "after");
  const std::vector<SliceEvent> events = slice_events(log);
  REQUIRE(events.size() == 2);
  CHECK(events[0] == SliceEvent{placed(failing_run(), log, hostile)});
  CHECK(std::get<SliceRun>(events[1]).run == 18);
}

TEST_CASE("a log that ends in mid frame gives the frames that are whole") {
  const std::string whole = framed(stopped_run(), "first");
  const std::string log = whole + framed(failing_run(), "second, which is longer\n");
  for (std::size_t size = whole.size(); size < log.size(); ++size) {
    INFO("ends after " << size);
    const std::vector<SliceEvent> events = slice_events(std::string_view{log}.substr(0, size));
    REQUIRE(events.size() == 1);
    CHECK(std::get<SliceRun>(events[0]).run == 18);
  }
}

TEST_CASE("lines that are no frame's and no sum's are skipped") {
  const std::string whole = frame_head(failing_run(), 3);
  const std::vector<std::string> odd{"loose words of a library\n",
                                     "#ndrepro run\n",
                                     "#ndrepro run {}\n",
                                     "#ndrepro run []\n",
                                     "#ndrepro run {\"run\":\n",
                                     "#ndrepro slice {\"runs\":-1,\"passed\":0,\"kept\":0,\"cut\":0,\"ms\":0}\n",
                                     "#ndrepro slice 7\n",
                                     "#ndrepro end 17\n",
                                     std::string{whole}.replace(whole.find("\"failed\""), 8, "\"gone\""),
                                     std::string{whole}.replace(whole.find("\"bytes\":3"), 9, "\"bytes\":-3"),
                                     std::string{whole}.replace(whole.find("\"status\":134"), 12, "\"status\":256"),
                                     std::string{whole}.replace(whole.find("\"run\":17"), 8, "\"run\":0"),
                                     std::string(5u << 20, 'x') + "\n"};
  for (const std::string& line : odd) {
    INFO(line.substr(0, 100));
    const std::vector<SliceEvent> events = slice_events(line + framed(stopped_run(), "words"));
    REQUIRE(events.size() == 1);
    CHECK(std::get<SliceRun>(events[0]).run == 18);
  }
}

TEST_CASE("any bytes can be read") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  const std::string log = framed(failing_run(), "words") + progress_line(sum());
  for (int round = 0; round < 300; ++round) {
    std::string spoilt = log;
    for (int i = 0; i < 3; ++i)
      spoilt[random() % spoilt.size()] = static_cast<char>(random());
    for (const SliceEvent& event : slice_events(spoilt)) {
      if (const auto* run = std::get_if<SliceRun>(&event)) CHECK(run->begin <= run->end);
    }
  }
}

TEST_CASE("a slice's sum comes back from its JSON, and nothing from other text") {
  CHECK(progress_from(progress_json(sum())) == sum());
  CHECK(progress_from(progress_json(SliceProgress{})) == SliceProgress{});
  for (const char* text : {"", "{}", "[]", "{", R"({"runs":1})", R"({"runs":1,"passed":1,"kept":0,"cut":0,"ms":"1"})"})
    CHECK_FALSE(progress_from(text));
}
