// What a judgement says beside its verdict.
#include <functional>

#include "tests/supervisor/run/observations.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

TEST_CASE("a board is suspect after whatever may have left it in disorder") {
  struct BoardRow {
    const char* what;
    std::function<void(Observation&)> change;
    bool suspect;
  };
  using O = Observation;
  const std::vector<BoardRow> table{
      {"a clean end", [](O&) {}, false},
      {"a failed assertion", [](O& o) { exits(o, 1), matches(o), fault(o, SignalClass::exception, 10); }, false},
      {"a cancelled run that ended in order", [](O& o) { stopped(o, Cancelled{}); }, false},
      {"a cancelled run that had to be killed", [](O& o) { stopped(o, Cancelled{}), o.exit->killed = 1; }, true},
      {"a device timeout", [](O& o) { exits(o, 1), fault(o, SignalClass::device_timeout, 10); }, true},
      {"a device timeout only the evidence shows",
       [](O& o) { exits(o, 1), fails_otherwise(o, FailureType::device_timeout); }, true},
      {"contention", [](O& o) { exits(o, 1), fault(o, SignalClass::contention, 10); }, true},
      {"a dead worker", [](O& o) { exits(o, 1), fault(o, SignalClass::worker_down, 10, "gw0"); }, true},
      {"a test timeout", [](O& o) { exits(o, 1), fault(o, SignalClass::test_timeout, 10); }, true},
      {"a crash", [](O& o) { dies(o, 6); }, true},
      {"a crash below a shell", [](O& o) { exits(o, 139); }, true},
      {"a stall",
       [](O& o) {
         stopped(o, Stalled{"mid_run", 1});
       },
       true},
      {"the deadline", [](O& o) { at_deadline(o); }, true},
      {"processes left", [](O& o) { o.exit->leftovers = 1; }, true},
      {"processes that cannot be killed", [](O& o) { o.exit->unkillable = 1; }, true},
      {"a lost shim", [](O& o) { o.exit.reset(); }, true},
  };
  for (const BoardRow& row : table) {
    INFO(row.what);
    Observation seen = passed_run();
    row.change(seen);
    CHECK_FALSE(judge(seen).board_suspect);
    seen.uses_board = true;
    CHECK(judge(seen).board_suspect == row.suspect);
  }
}

TEST_CASE("processes that cannot be killed are named") {
  Observation seen = passed_run();
  stopped(seen, Stalled{"mid_run", 30000});
  seen.exit->unkillable = 2;
  CHECK_THAT(judge(seen).explanation, Catch::Matchers::EndsWith("; 2 processes could not be killed"));
}

TEST_CASE("the match is kept for every failure that was seen") {
  Observation seen = passed_run();
  CHECK_FALSE(judge(seen).match);
  exits(seen, 1);
  shows(seen, race(), MatchGrade::same_class);
  REQUIRE(judge(seen).match);
  CHECK(judge(seen).match->grade == MatchGrade::same_class);
  Observation hung = passed_run();
  wants(hung, FailureType::hang);
  stopped(hung, Stalled{"mid_run", 30000});
  REQUIRE(judge(hung).match);
  CHECK(judge(hung).match->grade == MatchGrade::same_site);
}

TEST_CASE("a run that was refused or never started is no run") {
  const Judgement exec = judge_refused({"command", "no such interpreter", "install it"});
  CHECK(exec.verdict == Verdict::setup_error);
  CHECK(exec.reason == "exec");
  CHECK(exec.explanation == "command: no such interpreter; install it");
  CHECK(judge_refused({"log", "is there already", ""}).verdict == Verdict::infrastructure);
  CHECK(judge_refused({"log", "is there already", ""}).reason == "log");
  CHECK(judge_refused({"shim", "said nothing", ""}).reason == "shim");
  CHECK(judge_not_started().verdict == Verdict::lost);
  CHECK(judge_not_started().reason == "not_started");
  for (const Judgement& none : {exec, judge_not_started()})
    CHECK(none.runs + none.matched + none.different + none.infrastructure == 0);
}

TEST_CASE("a death by a signal is a crash when the log says nothing") {
  AttemptExit exit;
  exit.term_signal = 11;
  REQUIRE(failure_of_death(exit));
  CHECK(failure_of_death(exit)->failure_type == FailureType::crash);
  CHECK(failure_of_death(exit)->exception == "SIGSEGV");
  exit = {};
  exit.exit_code = 134;
  REQUIRE(failure_of_death(exit));
  CHECK(failure_of_death(exit)->exception == "SIGABRT");
  exit.exit_code = 1;
  CHECK_FALSE(failure_of_death(exit));
  exit.exit_code = 130;  // SIGINT is no crash
  CHECK_FALSE(failure_of_death(exit));
  exit.exit_code = 255;
  CHECK_FALSE(failure_of_death(exit));
  exit.exit_code.reset();
  exit.term_signal = 9;
  exit.cause = EndCause::stopped;  // our own doing
  CHECK_FALSE(failure_of_death(exit));
}
