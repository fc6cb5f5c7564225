// How a slice is judged by its runs.
#include "supervisor/run/slice_judgement.hpp"

#include <csignal>

#include "tests/supervisor/run/observations.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

SliceObservation slice_of(std::int64_t runs) {
  SliceObservation seen;
  seen.ending = Exited{};
  seen.exit.emplace();
  seen.exit->exit_code = 0;
  seen.sum.runs = runs;
  seen.sum.passed = runs;
  seen.sum.over = true;
  return seen;
}

void fails(SliceObservation& seen, Verdict verdict, std::int64_t times = 1) {
  for (std::int64_t i = 0; i < times; ++i) {
    RunFailureRow failure;
    failure.run = static_cast<std::int64_t>(seen.failures.size()) + 1;
    failure.verdict = verdict;
    failure.explanation = std::string{to_text(verdict)} + " it was";
    seen.failures.push_back(failure);
    --seen.sum.passed;
  }
}

void counts(const SliceObservation& seen, int runs, int matched, int different, int infrastructure) {
  const Judgement judgement = judge_slice(seen);
  CHECK(judgement.runs == runs);
  CHECK(judgement.matched == matched);
  CHECK(judgement.different == different);
  CHECK(judgement.infrastructure == infrastructure);
}

}  // namespace

TEST_CASE("one match among thousands of runs makes a slice reproduced") {
  SliceObservation seen = slice_of(5000);
  fails(seen, Verdict::different_failure, 3);
  fails(seen, Verdict::reproduced, 2);
  fails(seen, Verdict::infrastructure);
  CHECK(judge_slice(seen).verdict == Verdict::reproduced);
  CHECK(judge_slice(seen).explanation == "2 of 5000 runs reproduced it was");
  counts(seen, 5000, 2, 3, 1);
}

TEST_CASE("a match counts whatever became of the loop") {
  SliceObservation seen = slice_of(10);
  fails(seen, Verdict::reproduced);
  seen.ending = Cancelled{};
  CHECK(judge_slice(seen).verdict == Verdict::reproduced);
  seen.exit.reset();
  CHECK(judge_slice(seen).verdict == Verdict::reproduced);
  CHECK(judge_slice(seen).reason == "shim_lost");
}

TEST_CASE("a slice whose runs all pass has passed") {
  CHECK(judge_slice(slice_of(100)).verdict == Verdict::passed);
  CHECK(judge_slice(slice_of(100)).explanation.empty());
  counts(slice_of(100), 100, 0, 0, 0);
}

TEST_CASE("runs that fail otherwise make another failure of a slice only where none passes") {
  SliceObservation some = slice_of(10);
  fails(some, Verdict::different_failure, 4);
  CHECK(judge_slice(some).verdict == Verdict::passed);
  CHECK_THAT(judge_slice(some).explanation, ContainsSubstring("4 of 10 runs failed otherwise"));
  counts(some, 10, 0, 4, 0);
  SliceObservation all = slice_of(4);
  fails(all, Verdict::different_failure, 4);
  CHECK(judge_slice(all).verdict == Verdict::different_failure);
  CHECK(judge_slice(all).reason == "other_failure");
  SliceObservation hanging = slice_of(2);
  fails(hanging, Verdict::hang, 2);
  CHECK(judge_slice(hanging).verdict == Verdict::hang);
  SliceObservation mixed = slice_of(3);
  fails(mixed, Verdict::infrastructure, 2);
  fails(mixed, Verdict::different_failure);
  CHECK(judge_slice(mixed).verdict == Verdict::different_failure);
  counts(mixed, 3, 0, 1, 2);
}

TEST_CASE("a slice in which nothing could be tested says why") {
  SliceObservation seen = slice_of(3);
  fails(seen, Verdict::setup_error, 3);
  CHECK(judge_slice(seen).verdict == Verdict::setup_error);
  CHECK(judge_slice(seen).explanation == "setup_error it was");
  counts(seen, 3, 0, 0, 3);
}

TEST_CASE("a loop that made no run is judged by what became of it") {
  SliceObservation none = slice_of(0);
  CHECK(judge_slice(none).verdict == Verdict::timed_out);
  none.exit->exit_code = 1;
  CHECK(judge_slice(none).verdict == Verdict::infrastructure);
  none.sum.trouble = "cannot start /nowhere: No such file or directory";
  CHECK(judge_slice(none).verdict == Verdict::setup_error);
  CHECK(judge_slice(none).explanation == none.sum.trouble);
  none.ending = Cancelled{};
  CHECK(judge_slice(none).verdict == Verdict::cancelled);
  none.exit.reset();
  CHECK(judge_slice(none).verdict == Verdict::lost);
}

TEST_CASE("what the host did to a slice outranks runs that passed") {
  SliceObservation seen = slice_of(9);
  seen.exit->oom_kills = 1;
  CHECK(judge_slice(seen).reason == "oom");
  seen = slice_of(9);
  seen.exit->cause = EndCause::log_limit;
  CHECK(judge_slice(seen).reason == "log_limit");
  seen = slice_of(9);
  seen.exit.reset();
  CHECK(judge_slice(seen).verdict == Verdict::lost);
  counts(seen, 9, 0, 0, 0);
}

TEST_CASE("a lost loop's runs are at least those that failed") {
  SliceObservation seen = slice_of(0);
  fails(seen, Verdict::reproduced, 2);
  seen.exit.reset();
  counts(seen, 2, 2, 0, 0);
}

TEST_CASE("runs that were cut off with the slice are none") {
  SliceObservation seen = slice_of(7);
  seen.sum.cut = 4;
  counts(seen, 7, 0, 0, 0);
}

TEST_CASE("a run of a slice is observed like a run of its own") {
  SliceRun run;
  run.exit_code = 1;
  run.duration_us = 2500000;
  run.leftovers = 1;
  const Observation failed = observation_of(run, race(), 1000);
  CHECK(std::holds_alternative<Exited>(failed.ending));
  CHECK((failed.exit->exit_code == 1 && failed.exit->duration_ms == 2500 && failed.exit->leftovers == 1));
  CHECK(failed.wanted.exception == race().exception);
  run.exit_code.reset();
  run.term_signal = SIGKILL;
  CHECK(judge(observation_of(run, race(), 1000)).verdict == Verdict::infrastructure);
  run.stood_still = true;
  const Observation still = observation_of(run, of_type(FailureType::hang), 1000);
  CHECK(std::get<Stalled>(still.ending).silent_ms == 1000);
  CHECK(judge(still).verdict == Verdict::reproduced);
  CHECK(judge(observation_of(run, race(), 1000)).verdict == Verdict::hang);
}
