// Every rule of judge() as a row: what was observed, and what it must be called.
#include <functional>
#include <set>

#include "tests/supervisor/run/observations.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

struct Row {
  const char* what;
  std::function<void(Observation&)> change;
  Verdict verdict;
  const char* reason;
  const char* explanation = "";  // part of it
};

const std::vector<Row>& rows() {
  using O = Observation;
  using F = FailureType;
  using S = SignalClass;
  using V = Verdict;
  static const std::vector<Row> table{
      // By itself.
      {"a clean end", [](O&) {}, V::passed, ""},
      {"a clean end with processes left", [](O& o) { o.exit->leftovers = 2; }, V::passed, "", "2 of its processes"},
      {"the wanted failure", [](O& o) { exits(o, 1), matches(o); }, V::reproduced, "", "(exact)"},
      {"the wanted failure at its site", [](O& o) { exits(o, 1), shows(o, race(), MatchGrade::same_site); },
       V::reproduced, "", "(same_site)"},
      {"the wanted failure under exit status 0", [](O& o) { matches(o); }, V::reproduced, "",
       "the exit status was 0 all the same"},
      {"an error line in a run that passed", [](O& o) { fails_otherwise(o); }, V::passed, ""},
      {"an exception text in a run that passed", [](O& o) { fault(o, S::exception, 10); }, V::passed, ""},
      {"the same type elsewhere", [](O& o) { exits(o, 1), shows(o, race(), MatchGrade::same_class); },
       V::different_failure, "same_class", "the same type of failure at another place: assertion, AssertionError"},
      {"another failure", [](O& o) { exits(o, 1), fails_otherwise(o); }, V::different_failure, "other_failure",
       "another failure than in CI: exception"},
      {"the word FAILED and exit status 1 alone", [](O& o) { exits(o, 1), fault(o, S::exception, 10); },
       V::different_failure, "unrecognised", "exit status 1, and the log shows no failure"},
      {"death by a signal without a word", [](O& o) { dies(o, 11); }, V::different_failure, "unrecognised",
       "ended by signal 11"},
      {"a test timeout, when something else was wanted",
       [](O& o) { exits(o, 1), fails_otherwise(o, F::test_timeout), fault(o, S::test_timeout, 10); },
       V::different_failure, "other_failure", "test_timeout"},
      {"a device timeout, when something else was wanted",
       [](O& o) { exits(o, 1), fails_otherwise(o, F::device_timeout), fault(o, S::device_timeout, 10); },
       V::different_failure, "other_failure", "device_timeout"},
      {"a device timeout whose exit status was swallowed",
       [](O& o) { fails_otherwise(o, F::device_timeout), fault(o, S::device_timeout, 10); }, V::different_failure,
       "other_failure"},
      {"a dead worker", [](O& o) { exits(o, 1), fails_otherwise(o, F::crash), fault(o, S::worker_down, 10, "gw1"); },
       V::different_failure, "other_failure", "crash"},
      {"the network's fault", [](O& o) { exits(o, 1), fails_otherwise(o, F::infra); }, V::infrastructure, "infra"},

      // Killed by others.
      {"SIGKILL of unknown origin", [](O& o) { dies(o, 9); }, V::infrastructure, "killed", "signal 9"},
      {"SIGKILL below a shell", [](O& o) { exits(o, 137); }, V::infrastructure, "killed", "exit status 137"},
      {"SIGTERM of an operator", [](O& o) { dies(o, 15); }, V::infrastructure, "killed"},
      {"SIGKILL, as wanted", [](O& o) { wants(o, F::crash), dies(o, 9), shows(o, o.wanted, MatchGrade::exact); },
       V::reproduced, ""},
      {"killed after another failure", [](O& o) { dies(o, 9), fails_otherwise(o, F::exception); }, V::different_failure,
       "other_failure"},
      {"the kernel's memory killer", [](O& o) { exits(o, 1), fails_otherwise(o, F::crash), o.exit->oom_kills = 1; },
       V::infrastructure, "oom"},
      {"the memory killer after the wanted failure", [](O& o) { exits(o, 1), matches(o), o.exit->oom_kills = 1; },
       V::reproduced, ""},

      // Set-up.
      {"nothing collected", [](O& o) { o.began = false, exits(o, 5); }, V::setup_error, "nothing_to_test", "status 5"},
      {"arguments refused", [](O& o) { o.began = false, exits(o, 4); }, V::setup_error, "nothing_to_test", "status 4"},
      {"collected 0 items under exit status 0", [](O& o) { o.began = false, fault(o, S::setup_error, 10); },
       V::setup_error, "nothing_to_test", "pack.rule"},
      {"a missing module, with its traceback",
       [](O& o) {
         o.began = false, exits(o, 4), fails_otherwise(o), fault(o, S::exception, 5), fault(o, S::setup_error, 10);
       },
       V::setup_error, "nothing_to_test"},
      {"exit status 5 of a program that had begun", [](O& o) { exits(o, 5); }, V::different_failure, "unrecognised"},
      {"a module missing in the middle of the tests",
       [](O& o) { exits(o, 1), fails_otherwise(o), fault(o, S::setup_error, 10); }, V::different_failure,
       "other_failure"},
      {"a program that is not installed", [](O& o) { o.began = false, exits(o, 127); }, V::setup_error, "exec"},
      {"a program that may not be executed", [](O& o) { o.began = false, exits(o, 126); }, V::setup_error, "exec"},
      {"a set-up error that is wanted",
       [](O& o) { o.began = false, exits(o, 4), matches(o), fault(o, S::setup_error, 10); }, V::reproduced, ""},
      {"a script that cannot be executed",
       [](O& o) {
         o.exit->cause = EndCause::spawn_failed, o.exit->exit_code.reset(), o.exit->error = "command: No such file";
       },
       V::setup_error, "exec", "No such file"},

      // Contention.
      {"contention, stopped at once",
       [](O& o) { stopped(o, SignalSeen{"pack.rule"}, 20), fault(o, S::contention, 10); }, V::contention, "contention"},
      {"the wanted failure as fallout of contention",
       [](O& o) { exits(o, 1), matches(o, 500), fault(o, S::contention, 10); }, V::contention, "contention"},
      {"the wanted failure at an unknown place beside contention",
       [](O& o) { exits(o, 1), matches(o), o.error_offset.reset(), fault(o, S::contention, 10); }, V::contention,
       "contention"},
      {"contention as fallout of the wanted failure",
       [](O& o) { exits(o, 1), matches(o, 10), fault(o, S::contention, 500); }, V::reproduced, ""},
      {"contention, as wanted",
       [](O& o) {
         wants(o, F::device_contention), exits(o, 1), shows(o, o.wanted, MatchGrade::exact),
             fault(o, S::contention, 10);
       },
       V::reproduced, ""},
      {"contention of another kind than wanted",
       [](O& o) {
         wants(o, F::device_contention), exits(o, 1), shows(o, of_type(F::device_contention), MatchGrade::same_class),
             fault(o, S::contention, 10);
       },
       V::different_failure, "same_class"},
      {"contention that only the evidence shows", [](O& o) { exits(o, 1), fails_otherwise(o, F::device_contention); },
       V::contention, "contention"},
      {"contention while a run passed", [](O& o) { fault(o, S::contention, 10); }, V::contention, "contention"},
      {"contention seen only while stopping", [](O& o) { stopped(o, Cancelled{}, 100), fault(o, S::contention, 200); },
       V::cancelled, ""},

      // The board.
      {"a broken topology",
       [](O& o) {
         stopped(o, SignalSeen{"pack.rule"}, 50), fails_otherwise(o), fault(o, S::exception, 10),
             fault(o, S::board_broken, 10);
       },
       V::infrastructure, "board_broken"},
      {"a board that breaks as fallout of a device timeout",
       [](O& o) {
         exits(o, 1), fails_otherwise(o, F::device_timeout), fault(o, S::device_timeout, 10),
             fault(o, S::board_broken, 500);
       },
       V::different_failure, "other_failure"},
      {"the wanted device timeout, stopped after its grace",
       [](O& o) {
         wants(o, F::device_timeout), stopped(o, SignalSeen{"pack.rule"}), shows(o, o.wanted, MatchGrade::exact),
             fault(o, S::device_timeout, 10);
       },
       V::reproduced, ""},
      {"several workers failing together on a board",
       [](O& o) {
         o.uses_board = true, exits(o, 1), fails_otherwise(o), fault(o, S::exception, 10, "gw0", 1000),
         fault(o, S::exception, 90, "gw1", 2500);
       },
       V::different_failure, "workers_together"},
      {"several workers failing together as wanted",
       [](O& o) {
         o.uses_board = true, exits(o, 1), matches(o), fault(o, S::exception, 10, "gw0", 1000),
         fault(o, S::exception, 90, "gw1", 1100);
       },
       V::reproduced, ""},
      {"several workers failing one after the other",
       [](O& o) {
         o.uses_board = true, exits(o, 1), fails_otherwise(o), fault(o, S::exception, 10, "gw0", 1000),
         fault(o, S::exception, 90, "gw1", 9000);
       },
       V::different_failure, "other_failure"},
      {"several workers failing together without a board",
       [](O& o) {
         exits(o, 1), fails_otherwise(o), fault(o, S::exception, 10, "gw0", 1000),
             fault(o, S::exception, 90, "gw1", 1100);
       },
       V::different_failure, "other_failure"},

      // Stalls.
      {"silence in mid-run",
       [](O& o) {
         stopped(o, Stalled{"mid_run", 30500});
       },
       V::hang, "mid_run", "no output and no progress for 30.5 s"},
      {"silence at start-up",
       [](O& o) {
         o.began = false, stopped(o, Stalled{"start_up", 240000});
       },
       V::hang, "start_up"},
      {"silence at shut-down",
       [](O& o) {
         stopped(o, Stalled{"shut_down", 30000});
       },
       V::hang, "shut_down"},
      {"output without progress",
       [](O& o) {
         stopped(o, Stalled{"no_progress", 30000});
       },
       V::hang, "no_progress", "output without any progress"},
      {"silence in mid-run, as wanted",
       [](O& o) {
         wants(o, F::hang), stopped(o, Stalled{"mid_run", 30000});
       },
       V::reproduced, "mid_run", "hung as in CI"},
      {"silence as wanted, with the stack that SIGINT printed",
       [](O& o) {
         wants(o, F::hang), stopped(o, Stalled{"mid_run", 30000}, 5000), fails_otherwise(o), o.error_offset = 6000;
       },
       V::reproduced, "mid_run"},
      {"silence as wanted after harmless error lines",
       [](O& o) {
         wants(o, F::hang), stopped(o, Stalled{"mid_run", 30000}), fails_otherwise(o), fault(o, S::exception, 10);
       },
       V::reproduced, "mid_run"},
      {"silence before the first test, when CI hung in one",
       [](O& o) {
         wants(o, F::hang), stopped(o, Stalled{"start_up", 240000});
       },
       V::hang, "start_up"},
      {"silence before the first test, when CI names none",
       [](O& o) {
         wants(o, F::hang, ""), stopped(o, Stalled{"start_up", 240000});
       },
       V::reproduced, "start_up"},
      {"silence in another test than wanted",
       [](O& o) {
         wants(o, F::hang), stopped(o, Stalled{"mid_run", 30000}), o.seen.test_name = "test_other";
       },
       V::hang, "mid_run"},
      {"silence, when a device timeout is wanted: nothing shows where",
       [](O& o) {
         wants(o, F::device_timeout), stopped(o, Stalled{"mid_run", 30000});
       },
       V::hang, "mid_run"},
      {"silence after the wanted failure",
       [](O& o) {
         stopped(o, Stalled{"shut_down", 30000}), matches(o);
       },
       V::reproduced, ""},
      {"silence after another failure: the first fault is the cause",
       [](O& o) {
         stopped(o, Stalled{"shut_down", 30000}), fails_otherwise(o), fault(o, S::exception, 10);
       },
       V::different_failure, "other_failure"},
      {"the wanted failure only after the stop",
       [](O& o) {
         stopped(o, Stalled{"mid_run", 30000}, 500), matches(o, 1000);
       },
       V::hang, "mid_run"},
      {"an end by itself in the moment of the stall",
       [](O& o) {
         o.ending = Stalled{"mid_run", 30000};
       },
       V::passed, ""},

      // Time and size.
      {"cut short at the deadline", [](O& o) { at_deadline(o); }, V::timed_out, "deadline", "after 12.3 s"},
      {"cut short by the daemon's own guard", [](O& o) { stopped(o, OutOfTime{}); }, V::timed_out, "deadline"},
      {"the wanted failure before the deadline", [](O& o) { at_deadline(o), matches(o); }, V::reproduced, ""},
      {"the wanted failure, reported by pytest when it was stopped",
       [](O& o) { at_deadline(o), matches(o, 6000), fault(o, S::exception, 10); }, V::reproduced, ""},
      {"a failure that the stop itself made", [](O& o) { at_deadline(o), matches(o, 6000); }, V::timed_out, "deadline"},
      {"a failure that the stop itself made, after an exception that was expected",
       [](O& o) { at_deadline(o), matches(o, 6000), mentions_exception(o, 10); }, V::timed_out, "deadline"},
      {"a failed test after an exception that was expected, reported by pytest when it was stopped",
       [](O& o) { at_deadline(o), matches(o, 6000), mentions_exception(o, 10), fault(o, S::exception, 20); },
       V::reproduced, ""},
      {"another failure before the deadline", [](O& o) { at_deadline(o), fails_otherwise(o); }, V::different_failure,
       "other_failure"},
      {"a log that grew too large", [](O& o) { o.exit->cause = EndCause::log_limit; }, V::infrastructure, "log_limit"},
      {"the wanted failure in a log that grew too large",
       [](O& o) { o.exit->cause = EndCause::log_limit, matches(o), o.stopped_at = 5000; }, V::reproduced, ""},

      // Stops.
      {"cancelled", [](O& o) { stopped(o, Cancelled{}); }, V::cancelled, ""},
      {"cancelled after the wanted failure", [](O& o) { stopped(o, Cancelled{}), matches(o); }, V::reproduced, ""},
      {"cancelled after another failure", [](O& o) { stopped(o, Cancelled{}), fails_otherwise(o); }, V::cancelled, ""},
      {"cancelled in the moment of its end", [](O& o) { o.ending = Cancelled{}; }, V::cancelled, ""},
      {"stopped by somebody else", [](O& o) { stopped(o, Exited{}), o.stopped_at.reset(); }, V::cancelled, "stopped"},
      {"stopped by somebody else after an exception that was expected",
       [](O& o) { stopped(o, Exited{}), o.stopped_at.reset(), mentions_exception(o, 10); }, V::cancelled, "stopped"},
      {"stopped at a failed test that turns out to be another",
       [](O& o) { stopped(o, SignalSeen{"pack.rule"}), fails_otherwise(o), fault(o, S::exception, 10); },
       V::different_failure, "other_failure"},
      {"stopped at a signal of which the log says no more",
       [](O& o) { stopped(o, SignalSeen{"pack.rule"}), fault(o, S::crash, 10); }, V::different_failure, "unrecognised",
       "stopped at pack.rule"},

      // The shim.
      {"a lost shim", [](O& o) { o.exit.reset(); }, V::lost, "shim_lost"},
      {"a lost shim after the wanted failure", [](O& o) { o.exit.reset(), matches(o); }, V::reproduced, "shim_lost"},
      {"a lost shim after another failure", [](O& o) { o.exit.reset(), fails_otherwise(o); }, V::lost, "shim_lost"},
  };
  return table;
}

}  // namespace

TEST_CASE("each way to end has its verdict and its reason") {
  for (const Row& row : rows()) {
    INFO(row.what);
    Observation seen = passed_run();
    row.change(seen);
    const Judgement judgement = judge(seen);
    CHECK(to_text(judgement.verdict) == to_text(row.verdict));
    CHECK(judgement.reason == row.reason);
    CHECK_THAT(judgement.explanation, ContainsSubstring(row.explanation));
    CHECK(judgement.runs == int{!seen.exit || seen.exit->cause != EndCause::spawn_failed});
    CHECK(judgement.explanation.find('\n') == std::string::npos);
  }
  CHECK(rows().size() >= 40);
}

TEST_CASE("a run counts once: matched, different, proving nothing, or none of them") {
  const std::set<Verdict> matched{Verdict::reproduced};
  const std::set<Verdict> different{Verdict::different_failure, Verdict::hang};
  const std::set<Verdict> neither{Verdict::passed, Verdict::timed_out};
  for (const Row& row : rows()) {
    INFO(row.what);
    Observation seen = passed_run();
    row.change(seen);
    const Judgement judgement = judge(seen);
    CHECK(judgement.matched == int{matched.count(judgement.verdict) == 1});
    CHECK(judgement.different == int{different.count(judgement.verdict) == 1});
    if (judgement.runs == 0) continue;
    CHECK(judgement.matched + judgement.different + judgement.infrastructure == int{!neither.count(judgement.verdict)});
  }
}

TEST_CASE("contention never makes a reproduction unless it is what is wanted") {
  for (const Row& row : rows()) {
    Observation seen = passed_run();
    row.change(seen);
    if (seen.wanted.failure_type == FailureType::device_contention) continue;
    seen.faults.insert(seen.faults.begin(), FaultSignal{"x", SignalClass::contention, 0, 0, "", Reaction::stop_now});
    INFO(row.what);
    CHECK(judge(seen).verdict == Verdict::contention);
  }
}

TEST_CASE("a set-up error says what its line says, and why rather than that nothing was collected") {
  Observation seen = passed_run();
  seen.began = false;
  const auto setup = [&](const char* rule, std::uint64_t offset, const char* text) {
    seen.faults.push_back(FaultSignal{rule, SignalClass::setup_error, offset, 0, "", Reaction::stop_campaign, text});
  };
  setup("pytest.nothing_collected", 10, "collected 0 items / 1 error");
  CHECK(judge(seen).explanation == "nothing could be tested: collected 0 items / 1 error (pytest.nothing_collected)");
  setup("pytest.conftest_import", 20, "ModuleNotFoundError: No module named 'nomodule'");
  CHECK(judge(seen).verdict == Verdict::setup_error);
  CHECK(judge(seen).explanation ==
        "nothing could be tested: collected 0 items / 1 error (pytest.nothing_collected); "
        "ModuleNotFoundError: No module named 'nomodule' (pytest.conftest_import)");
}

TEST_CASE("nothing but a counting match or a wanted hang makes a reproduction") {
  for (const Row& row : rows()) {
    Observation seen = passed_run();
    row.change(seen);
    seen.match.grade = MatchGrade::same_class;
    if (seen.wanted.failure_type == FailureType::hang) continue;
    INFO(row.what);
    CHECK(judge(seen).verdict != Verdict::reproduced);
  }
}
