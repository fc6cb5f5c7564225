#include "supervisor/campaign/race_sites.hpp"

#include "supervisor/campaign/ci_differences.hpp"
#include "supervisor/campaign/report.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

Arm noise() {
  Arm arm;
  arm.name = "noise";
  arm.noise_chance = 0.1;
  arm.noise_us = 500;
  arm.copies = 4;
  return arm;
}

/// A slice of `arm` with this many passing runs, some of which were delayed at offset 10 of the program.
AttemptRow slice(const Arm& arm, int id, std::int64_t passed, std::int64_t delayed) {
  AttemptRow row;
  row.id.value = id;
  row.arm = arm.name;
  row.parameters = parameters_of(arm);
  row.verdict = Verdict::reproduced;
  SliceProgress sum;
  sum.over = true;
  sum.runs = passed + 1;
  sum.passed = passed;
  sum.passed_places = {{{"/opt/tank", 10}, delayed}, {{"/opt/tank", 20}, passed / 2}, {{"/usr/lib/libc.so.6", 5}, 3}};
  row.slice_json = progress_json(sum);
  return row;
}

RunFailureRow match(int slice, const char* places) {
  RunFailureRow row;
  row.attempt_id.value = slice;
  row.verdict = Verdict::reproduced;
  row.places_json = places;
  return row;
}

std::vector<CodePlace> told(const DelayRecord& record) {
  std::vector<CodePlace> places;
  for (const DelayedPlace& place : record.places) {
    CodePlace& one = places.emplace_back(CodePlace{.module = place.module, .offset = place.offset});
    one.function = place.offset < 15 ? "Tank::take" : "Tank::fill";
    one.file = "tank.cpp";
    one.line = static_cast<int>(place.offset);
  }
  return places;
}

/// Delays at 10 are rare but for the runs that matched, those at 20 are in every second run.
CampaignEnd racy() {
  CampaignEnd end;
  end.attempts = {slice(noise(), 1, 400, 20), slice(noise(), 2, 400, 20)};
  for (int i = 0; i < 6; ++i)
    end.failures.push_back(match(1 + i % 2, i % 2 == 0 ? R"([["/opt/tank",10],["/opt/tank",20]])"
                                                       : R"([["/opt/tank",10],["/usr/lib/libc.so.6",5]])"));
  return end;
}

}  // namespace

TEST_CASE("what was delayed is gathered by arm, of the program's own modules") {
  const DelayRecord record = delays_of(racy());
  REQUIRE(record.totals.size() == 1);
  CHECK(record.totals[0].matched == 6);
  CHECK(record.totals[0].passed == 800);
  CHECK(record.places == std::vector<DelayedPlace>{{"/opt/tank", 10}, {"/opt/tank", 20}});
  CHECK(record.passed[0] == std::vector<std::int64_t>{40, 400});
  CHECK(record.matched.front().places == std::vector<std::size_t>{0, 1});
}

TEST_CASE("a line whose delay makes it fail is named, and one delayed in all runs alike is not") {
  const DelayRecord record = delays_of(racy());
  const RaceReport report = where_it_races(record, told(record));
  CHECK(report.matched == 6);
  CHECK(report.passed == 800);
  REQUIRE(report.sites.size() == 1);
  CHECK(site_text(report.sites[0].place) == "tank.cpp:10 in Tank::take");
  CHECK(report.sites[0].matched == 6);
  CHECK(report.sites[0].passed == 40);
  CHECK(report.sites[0].low > 1.5);
}

TEST_CASE("one match is too few to name a place") {
  CampaignEnd end = racy();
  end.failures.resize(1);
  const DelayRecord record = delays_of(end);
  CHECK(where_it_races(record, told(record)).sites.empty());
}

TEST_CASE("runs of a slice that was lost are not looked at, nor those of arms that note nothing") {
  CampaignEnd end = racy();
  end.attempts[0].slice_json = R"({"runs":401,"passed":400})";
  Arm copies;
  copies.name = "copies";
  copies.copies = 4;
  end.attempts.push_back(slice(copies, 3, 100, 0));
  end.failures.push_back(match(3, "[]"));
  CHECK(delays_of(end).totals.size() == 1);
  CHECK(delays_of(end).matched.size() == 3);
}

TEST_CASE("instructions are put together by function, and told by the surest line") {
  Arm hold;
  hold.name = "hold";
  hold.breakpoints = 8;
  hold.hold_us = 500;
  CampaignEnd end;
  AttemptRow row = slice(hold, 1, 900, 0);
  SliceProgress sum = *progress_from(row.slice_json);
  sum.passed_places.clear();
  for (std::uint64_t offset = 1; offset < 30; ++offset)
    sum.passed_places.push_back({{"/opt/tank", offset}, 9});
  row.slice_json = progress_json(sum);
  end.attempts = {row};
  // Five matches at five instructions of one function, none of which could stand out alone.
  for (int offset = 3; offset < 8; ++offset)
    end.failures.push_back(match(1, ("[[\"/opt/tank\"," + std::to_string(offset) + "]]").c_str()));
  const DelayRecord record = delays_of(end);
  const RaceReport report = where_it_races(record, told(record));
  REQUIRE(report.sites.size() == 1);
  CHECK(report.sites[0].place.function == "Tank::take");
  CHECK(report.sites[0].matched == 5);
  CHECK(report.looked_at == 2);
}

TEST_CASE("code of system headers, libraries and interpreters is not looked at") {
  const DelayRecord record = delays_of(racy());
  std::vector<CodePlace> places = told(record);
  places[0].file = "/usr/include/c++/12/bits/std_mutex.h";
  CHECK(where_it_races(record, places).sites.empty());
  places = told(record);
  places[0].function = "testing::internal::MutexBase::Unlock()";
  CHECK(where_it_races(record, places).sites.empty());
  CHECK(is_system_module("/usr/lib/x86_64-linux-gnu/libstdc++.so.6"));
  CHECK(is_system_module("/opt/venv/lib/libpython3.11.so.1.0"));
  CHECK(is_system_module("/usr/bin/python3.11"));
  CHECK_FALSE(is_system_module("/opt/tank/lib/libtank.so"));
}

TEST_CASE("what CI had and the runs had not is told, variables first") {
  Evidence evidence;
  const auto sourced = [](std::string text) { return Sourced<std::string>{std::move(text), {}}; };
  evidence.environment = {{"ARCH", sourced("wormhole")},
                          {"DEPTH", sourced("4")},
                          {"MODE", sourced("fast")},
                          {"TOKEN", sourced("s3cret")},
                          {"SAME", sourced("1")}};
  evidence.secrets["TOKEN"] = {};
  evidence.timeouts["pytest_s"] = {60, {}};
  evidence.command = sourced("pytest -n 4 tests/tank.py");
  evidence.runner = sourced("runner-7");
  AttemptSpec spec;
  spec.environment = {{"DEPTH", "2"}, {"SAME", "1"}};
  const auto found = differences_from_ci(evidence, spec, "export MODE=slow\nexec pytest \"$@\"\n",
                                         R"({"distribution":"Debian 12","kernel":"6.1"})");
  const std::vector<CiDifference> expected{{"variable ARCH", "wormhole", ""},
                                           {"variable DEPTH", "4", "2"},
                                           {"variable MODE", "fast", "another value, by run_test.sh"},
                                           {"test timeout", "60 s", ""},
                                           {"workers", "-n 4", ""},
                                           {"machine", "runner-7", "Debian 12, Linux 6.1"}};
  CHECK(found == expected);
}
