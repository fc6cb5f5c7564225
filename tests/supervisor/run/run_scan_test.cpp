#include "supervisor/run/run_scan.hpp"

#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

const std::string begin_line = "tests/test_counter.py::test_counter \n";
const std::string pass_line = "PASS iteration 1/9\n";
const std::string fault_line = "E   TIMEOUT: device timeout, potential hang detected\n";
const std::string expected_line = "wanted: expected 400 entries\n";

std::shared_ptr<const SignalRuleSet> rules() {
  static const auto packs = SignalRuleSet::compile(builtin_signal_rules());
  REQUIRE(packs.has_value());
  Signature wanted;
  wanted.literals = {"expected 400 entries"};
  static const auto all = case_rules(*packs, wanted);
  return all;
}

LogSignalRow stored_fault(std::uint64_t offset, std::int64_t seen_at_ms) {
  LogSignalRow row;
  row.rule = "tenstorrent.device_timeout";
  row.signal_class = "device_timeout";
  row.offset = offset;
  row.line = fault_line;
  row.seen_at_ms = seen_at_ms;
  return row;
}

std::vector<SeenSignal> of_rule(const std::vector<SeenSignal>& seen, const std::string& rule) {
  std::vector<SeenSignal> found;
  for (const SeenSignal& one : seen)
    if (one.rule->id == rule) found.push_back(one);
  return found;
}

}  // namespace

TEST_CASE("a fault that an earlier daemon stored keeps its time and gets no second row") {
  RunScan scan{rules()};
  scan.recall({stored_fault(0, 77)}, 0, fault_line.size());
  const auto seen = of_rule(scan.feed(fault_line + fault_line, 5000), "tenstorrent.device_timeout");
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].is_stored);
  CHECK_FALSE(scan.is_worth_a_row(seen[0]));
  CHECK_FALSE(seen[1].is_stored);
  CHECK(scan.is_worth_a_row(seen[1]));
  REQUIRE(scan.faults().size() == 2);
  CHECK(scan.faults()[0].seen_at_ms == 77);
  CHECK(scan.faults()[0].reaction == Reaction::stop_after_grace);
  CHECK(scan.faults()[1].seen_at_ms == 5000);
}

TEST_CASE("a fault keeps the begin of its line, without the mark of pytest's report") {
  RunScan scan{rules()};
  scan.feed("collected 0 items / 1 error\nE   ModuleNotFoundError: No module named 'nomodule'\n", 0);
  scan.feed("ModuleNotFoundError: No module named '" + std::string(1000, 'm') + "'\n", 0);
  REQUIRE(scan.faults().size() == 3);
  CHECK(scan.faults()[0].text == "collected 0 items / 1 error");
  CHECK(scan.faults()[1].text == "ModuleNotFoundError: No module named 'nomodule'");
  CHECK(scan.faults()[2].text.size() == 160);
}

TEST_CASE("iterations that an earlier daemon counted count once") {
  const std::string earlier = pass_line + pass_line;
  RunScan scan{rules()};
  scan.recall({}, 2, earlier.size());
  scan.feed(earlier, 0);
  CHECK(scan.iterations() == 2);
  CHECK(scan.line_offset() == earlier.size());
  scan.feed(pass_line, 0);
  CHECK(scan.iterations() == 3);
}

TEST_CASE("where the next daemon goes on never moves back while the log is read again") {
  RunScan scan{rules()};
  scan.recall({}, 5, 1000);
  scan.feed(pass_line, 0);
  CHECK(scan.line_offset() == 1000);
  CHECK(scan.iterations() == 5);
}

TEST_CASE("a test that began before a restart has begun") {
  RunScan scan{rules()};
  scan.recall({}, 0, begin_line.size());
  CHECK_FALSE(scan.began());
  scan.feed(begin_line, 0);
  CHECK(scan.began());
}

TEST_CASE("a flood of exceptions that are expected does not crowd out the fault") {
  RunScan scan{rules()};
  for (int i = 0; i < 3000; ++i)
    scan.feed(expected_line, 0);
  scan.feed(fault_line, 0);
  scan.finish(0);
  REQUIRE(scan.faults().size() > 1);
  CHECK(scan.faults().size() <= 2001);
  CHECK(scan.faults().front().reaction == Reaction::none);
  CHECK(scan.faults().back().signal_class == SignalClass::device_timeout);
  CHECK(rank_of(scan.faults().front()) > rank_of(scan.faults().back()));
}
