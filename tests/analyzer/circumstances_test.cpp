// When, how and after what a failure came: times, mechanism, settings, predecessors, fallout, likely causes.
#include <string>

#include "analyzer/evidence/extract.hpp"
#include "analyzer/evidence/finished_tests.hpp"
#include "analyzer/evidence/hypothesis.hpp"
#include "analyzer/evidence/mechanism.hpp"
#include "analyzer/evidence/settings.hpp"
#include "storage/evidence_json.hpp"
#include "tests/support/catch.hpp"

namespace {

std::string stamp(int minute, int second) {
  const auto two = [](int number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  return "2026-03-04T10:" + two(minute) + ":" + two(second) + ".0000000Z ";
}

// A job of two steps whose second one fails in its third test, after 2 minutes and 20 seconds.
std::string failing_job() {
  return stamp(0, 0) +
         "##[command]/usr/bin/docker create --name box --entrypoint \"tail\" registry.example/ci:7 \"-f\"\n" +
         stamp(0, 1) + "HEAD is now at 0123abc Tune the mixer\n" + stamp(0, 2) + "##[group]Run make ready\n" +
         stamp(0, 2) + "make ready\n" + stamp(0, 2) + "shell: /usr/bin/bash -e {0}\n" + stamp(0, 2) + "##[endgroup]\n" +
         stamp(1, 0) + "##[group]Run pytest tests/mixer -v\n" + stamp(1, 0) + "pytest tests/mixer -v\n" + stamp(1, 0) +
         "shell: /usr/bin/bash -e {0}\n" + stamp(1, 0) + "env:\n" + stamp(1, 0) + "  TT_METAL_WATCHER: 10\n" +
         stamp(1, 0) + "##[endgroup]\n" + stamp(1, 5) +
         "============================= test session starts ==============================\n" + stamp(1, 10) +
         "tests/mixer/test_mix.py::test_low PASSED\n" + stamp(3, 0) +
         "tests/mixer/test_mix.py::test_high[{'l1_small_size': 16384}] PASSED\n" + stamp(3, 20) +
         "tests/mixer/test_mix.py::test_both FAILED\n" + stamp(3, 30) + "tests/mixer/test_mix.py::test_late FAILED\n" +
         stamp(3, 40) + "=================================== FAILURES ===================================\n" +
         stamp(3, 40) + "__________________________________ test_both ___________________________________\n" +
         stamp(3, 40) + "\n" + stamp(3, 40) + ">       assert mix(3) == 4\n" + stamp(3, 40) +
         "E       assert 5 == 4\n" + stamp(3, 40) + "\n" + stamp(3, 40) +
         "tests/mixer/test_mix.py:12: AssertionError\n" + stamp(3, 40) +
         "=========================== short test summary info ============================\n" + stamp(3, 40) +
         "FAILED tests/mixer/test_mix.py::test_both - assert 5 == 4\n" + stamp(3, 40) +
         "FAILED tests/mixer/test_mix.py::test_late - assert 6 == 4\n" + stamp(3, 40) +
         "========================= 2 failed, 2 passed in 155.00s ========================\n" + stamp(3, 41) +
         "##[error]Process completed with exit code 1.\n";
}

ndr::Evidence evidence_of_type(ndr::FailureType type, const std::string& line) {
  ndr::Evidence evidence;
  evidence.is_failure = true;
  evidence.failure_type = type;
  evidence.error_line = {line, {0, 7, 70}};
  return evidence;
}

double weight_of(const std::vector<ndr::Hypothesis>& hypotheses, ndr::RootCause cause) {
  for (const ndr::Hypothesis& hypothesis : hypotheses) {
    if (hypothesis.cause == cause) return hypothesis.weight;
  }
  return 0;
}

}  // namespace

TEST_CASE("a failure is timed from its verdict, not from the block that explains it") {
  const ndr::Evidence evidence = ndr::extract_evidence("job.log", failing_job());
  REQUIRE(evidence.failed_at);
  CHECK(evidence.failed_at->value == "2026-03-04T10:03:20.0000000Z");
  CHECK(evidence.seconds_into_step.value().value == Approx(140));
  CHECK(evidence.seconds_into_test.value().value == Approx(20));
  CHECK_FALSE(evidence.silent_seconds);
}

TEST_CASE("the tests that ran before in the same process are named, those after it are fallout") {
  const ndr::Evidence evidence = ndr::extract_evidence("job.log", failing_job());
  CHECK(evidence.predecessor_count == 2);
  REQUIRE(evidence.predecessors.size() == 2);
  CHECK(evidence.predecessors[0].value == "tests/mixer/test_mix.py::test_low");
  CHECK(evidence.predecessors[1].origin.line == 15);
  REQUIRE(evidence.fallout.size() == 1);
  CHECK_THAT(evidence.fallout[0].value, ContainsSubstring("test_late"));
}

TEST_CASE("steps before the failing one, the container and the commit are told") {
  const ndr::Evidence evidence = ndr::extract_evidence("job.log", failing_job());
  REQUIRE(evidence.steps.size() == 1);
  CHECK(evidence.steps[0].value == "make ready");
  CHECK(evidence.container_image.value().value == "registry.example/ci:7");
  CHECK(evidence.revision.value().value == "0123abc");
}

TEST_CASE("hidden settings come from variables, parameters and messages") {
  const ndr::Evidence evidence = ndr::extract_evidence("job.log", failing_job());
  CHECK(evidence.settings.at("watcher").value == "10");
  CHECK(evidence.settings.at("l1_small_size").value == "16384");
  ndr::LogSettings sizes;
  ndr::read_sizes("Not enough space to allocate 9 B, but bank size is only 4096 B", {}, sizes);
  ndr::read_sizes("open with trace_region_size=90112, num_command_queues = 2", {}, sizes);
  ndr::read_sizes("worker_l1_size is spoken of without a value", {}, sizes);
  CHECK(sizes.at("bank_bytes").value == "4096");
  CHECK(sizes.at("trace_region_size").value == "90112");
  CHECK(sizes.at("num_command_queues").value == "2");
  CHECK(sizes.count("worker_l1_size") == 0);
}

TEST_CASE("a step that was killed in silence says for how long it was silent") {
  const std::string log =
      stamp(1, 0) + "##[group]Run pytest tests/mixer -v\n" + stamp(1, 0) + "pytest tests/mixer -v\n" + stamp(1, 0) +
      "shell: /usr/bin/bash -e {0}\n" + stamp(1, 0) + "##[endgroup]\n" + stamp(1, 5) +
      "============================= test session starts ==============================\n" + stamp(1, 10) +
      "tests/mixer/test_mix.py::test_low PASSED\n" + stamp(1, 11) + "tests/mixer/test_mix.py::test_high \n" +
      stamp(1, 13) + "mixing at last\n" + stamp(46, 13) + "##[error]The action 'mix' has timed out after 45 minutes.\n";
  const ndr::Evidence evidence = ndr::extract_evidence("job.log", log);
  CHECK(evidence.failure_type == ndr::FailureType::hang);
  CHECK(evidence.silent_seconds.value().value == Approx(45 * 60));
  CHECK(evidence.seconds_into_test.value().value == Approx(45 * 60 + 2));
  CHECK(evidence.predecessor_count == 1);
}

TEST_CASE("gtest's list at the end of the program repeats no failure") {
  const std::string log =
      "[==========] Running 3 tests from 1 test suite.\n[ RUN      ] Mix.Low\n[       OK ] Mix.Low (3 ms)\n"
      "[ RUN      ] Mix.High\nmix.cpp:9: Failure\nExpected equality of these values:\n  a\n    Which is: 1\n  b\n"
      "    Which is: 2\n[  FAILED  ] Mix.High (5 ms)\n[ RUN      ] Mix.Both\nmix.cpp:19: Failure\n"
      "Expected equality of these values:\n  a\n[  FAILED  ] Mix.Both (5 ms)\n[  FAILED  ] 2 tests, listed below:\n"
      "[  FAILED  ] Mix.High\n[  FAILED  ] Mix.Both\n";
  const ndr::Evidence evidence = ndr::extract_evidence("a.log", log);
  CHECK(evidence.test_id.value().value == "Mix.High");
  CHECK(evidence.predecessor_count == 1);
  REQUIRE(evidence.fallout.size() == 1);
  CHECK(evidence.fallout[0].value == "Mix.Both");
}

TEST_CASE("the last tests of a process are remembered, the others counted") {
  ndr::FinishedTests finished;
  for (std::uint64_t i = 0; i < 1000; ++i)
    finished.add(i % 2 == 0 ? "gw0" : "gw1", "t" + std::to_string(i), "s" + std::to_string(i), {0, i + 1, 0});
  const ndr::TestsBefore before = finished.before("gw1");
  CHECK(before.count == 500);
  REQUIRE(before.names.size() == 32);
  CHECK(before.names.back().value == "t999");
  CHECK(before.names.front().value == "t937");
  CHECK(before.last_stamp == "s999");
  CHECK(finished.before("gw7").count == 0);
  finished.forget();
  CHECK(finished.before("gw0").names.empty());
}

TEST_CASE("a failure waits, dies on the way, or shows afterwards") {
  using ndr::FailureMechanism;
  using ndr::FailureType;
  const auto of = [](const ndr::Evidence& evidence) { return ndr::mechanism_of(evidence).value().value; };
  CHECK(of(evidence_of_type(FailureType::device_timeout, "gave up")) == FailureMechanism::waiting);
  CHECK(of(evidence_of_type(FailureType::comparison, "0.97 < 0.99")) == FailureMechanism::after);
  CHECK(of(evidence_of_type(FailureType::crash, "Segmentation fault")) == FailureMechanism::during);
  ndr::Evidence hang = evidence_of_type(FailureType::hang, "The action has timed out.");
  CHECK(of(hang) == FailureMechanism::during);
  hang.python_stack.push_back({"device.py", 9, "synchronize_device", "", {0, 42, 0}});
  REQUIRE(ndr::mechanism_of(hang));
  CHECK(of(hang) == FailureMechanism::waiting);
  CHECK(ndr::mechanism_of(hang)->origin.line == 42);
  CHECK_FALSE(ndr::mechanism_of(ndr::Evidence{}));
}

TEST_CASE("likely causes are weighed, the likeliest first, each with the line that speaks for it") {
  using ndr::FailureType;
  using ndr::RootCause;
  const auto contention =
      hypotheses_of(evidence_of_type(FailureType::device_contention, "Read unexpected run_mailbox value: 0x40"));
  REQUIRE_FALSE(contention.empty());
  CHECK(contention.front().cause == RootCause::contention);
  CHECK(contention.front().reasons.front().origin.line == 7);
  double sum = 0;
  for (const ndr::Hypothesis& hypothesis : contention)
    sum += hypothesis.weight;
  CHECK(sum == Approx(1));

  ndr::Evidence slow = evidence_of_type(FailureType::device_timeout, "TIMEOUT: device timeout");
  const double before = weight_of(hypotheses_of(slow), RootCause::slow_operation);
  slow.timeouts["operation_s"] = {5, {}};
  CHECK(weight_of(hypotheses_of(slow), RootCause::slow_operation) > before);

  const auto raced = hypotheses_of(evidence_of_type(FailureType::crash, "WARNING: ThreadSanitizer: data race"));
  CHECK(raced.front().cause == RootCause::race);
  CHECK(hypotheses_of(ndr::Evidence{}).empty());
}

TEST_CASE("the circumstances survive their JSON form, and an older form lacks them") {
  const ndr::Evidence evidence = ndr::extract_evidence("job.log", failing_job());
  const std::string text = ndr::to_json_text(evidence);
  const auto back = ndr::evidence_from_json(text);
  REQUIRE(back.has_value());
  CHECK(ndr::to_json_text(*back) == text);
  CHECK(back->predecessors == evidence.predecessors);
  CHECK(back->logs == evidence.logs);
  CHECK(back->mechanism == evidence.mechanism);
}

TEST_CASE("only words that begin as waiting do are taken for waiting") {
  const auto of_frame = [](const std::string& function) {
    ndr::Evidence evidence;
    evidence.is_failure = true;
    evidence.failure_type = ndr::FailureType::crash;
    evidence.error_line = ndr::Sourced<std::string>{"Fatal error", ndr::Origin{0, 1, 0}};
    ndr::StackFrame frame;
    frame.function = function;
    evidence.native_stack = {frame};
    return ndr::mechanism_of(evidence)->value;
  };
  for (const char* waits : {"pthread_cond_wait", "EnqueueWaitForEvent", "futex::timedwait", "Device::synchronize"}) {
    INFO(waits);
    CHECK(of_frame(waits) == ndr::FailureMechanism::waiting);
  }
  for (const char* runs : {"finish_nolock", "copy_blocks", "compile"}) {
    INFO(runs);
    CHECK(of_frame(runs) == ndr::FailureMechanism::during);
  }
}
