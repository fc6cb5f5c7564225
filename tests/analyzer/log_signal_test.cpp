#include "analyzer/evidence/log_signal.hpp"

#include <algorithm>
#include <set>

#include "analyzer/evidence/signal_matcher.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

const std::shared_ptr<const SignalRuleSet>& packs() {
  static const auto rules = SignalRuleSet::compile(builtin_signal_rules()).value();
  return rules;
}

std::vector<LogSignal> signals_in(std::string_view text) {
  std::vector<LogSignal> found;
  SignalMatcher matcher(packs());
  matcher.feed(text, found);
  matcher.finish(found);
  return found;
}

const SignalRule& rule_of(const LogSignal& signal) { return packs()->rules()[signal.rule]; }

// "id/class/reaction" of the first signal of a line on which the supervisor acts; empty: it would do nothing.
std::string first_reaction(std::string_view line) {
  for (const LogSignal& signal : signals_in(std::string{line} + "\n"))
    if (const SignalRule& rule = rule_of(signal); rule.reaction != Reaction::none)
      return rule.id + "/" + std::string{to_text(rule.signal_class)} + "/" + std::string{to_text(rule.reaction)};
  return "";
}

int count_of(std::string_view text, SignalClass wanted) {
  const auto found = signals_in(text);
  return static_cast<int>(std::count_if(
      found.begin(), found.end(), [&](const LogSignal& signal) { return rule_of(signal).signal_class == wanted; }));
}

std::string pack(const std::string& keys) { return "rules:\n  - id: site.one\n" + keys; }

Refusal refusal_of(const std::string& yaml) {
  const auto rules = parse_signal_rules(yaml, "site.yaml");
  return rules ? Refusal{} : rules.error();
}

}  // namespace

TEST_CASE("every class and reaction reads back from its text") {
  for (const SignalRule& rule : builtin_signal_rules()) {
    CHECK(signal_class_from(to_text(rule.signal_class)) == rule.signal_class);
    CHECK(reaction_from(to_text(rule.reaction)) == rule.reaction);
  }
  CHECK(to_text(SignalClass::device_timeout) == "device_timeout");
  CHECK(to_text(Reaction::stop_after_grace) == "stop_after_grace");
  CHECK_FALSE(signal_class_from("hang"));
  CHECK_FALSE(reaction_from(""));
}

TEST_CASE("the shipped packs have a meaning and an example for every rule") {
  std::set<std::string> ids;
  for (const SignalRule& rule : builtin_signal_rules()) {
    INFO(rule.id);
    CHECK(ids.insert(rule.id).second);
    CHECK(rule.meaning.size() > 10);
    CHECK(rule.meaning.back() == '.');
    const std::string example = rule.example.empty() && rule.literal ? rule.pattern : rule.example;
    const auto found = signals_in(example + "\n");
    const auto own = std::count_if(found.begin(), found.end(),
                                   [&](const LogSignal& signal) { return rule_of(signal).id == rule.id; });
    CHECK(own == 1);
    if (!rule.field_pattern.empty()) {
      const auto signal =
          std::find_if(found.begin(), found.end(), [&](const LogSignal& s) { return rule_of(s).id == rule.id; });
      const bool glued_verdict = rule.id == "pytest.passed";  // its example names no test
      if (signal != found.end() && !glued_verdict) CHECK_FALSE(packs()->fields_of(*signal).empty());
    }
  }
  CHECK(ids.size() >= 25);
}

TEST_CASE("each known fault has its class and its reaction") {
  const auto expectation = GENERATE(table<const char*, const char*>({
      {"E   TIMEOUT: device timeout, potential hang detected, the device is unrecoverable",
       "tenstorrent.device_timeout/device_timeout/stop_after_grace"},
      {"TIMEOUT: device timeout in fetch queue wait, potential hang detected",
       "tenstorrent.fetch_queue_timeout/device_timeout/stop_after_grace"},
      {"[gw1] [  3%] Read unexpected run_mailbox value: 0x40 (expected 0x80 or 0x0)",
       "tenstorrent.run_mailbox/contention/stop_now"},
      {"TT_FATAL: Read unexpected run_mailbox value from core 25-17", "tenstorrent.run_mailbox/contention/stop_now"},
      {"Timed out while waiting for active ethernet core 1-6 to become active again",
       "tenstorrent.ethernet_core_lost/device_timeout/stop_after_grace"},
      {"Timeout waiting for Ethernet core service remote IO request flush.",
       "tenstorrent.remote_io_timeout/device_timeout/stop_after_grace"},
      {"Timeout waiting for device at BDF 0000:01:00.0 to reappear", "tenstorrent.reset_failed/board_broken/stop_now"},
      {"error | UMD | Reset failed.", "tenstorrent.reset_failed/board_broken/stop_now"},
      {"Waiting for lock 'NON_MMIO_0_PCIe'", "tenstorrent.chip_lock/contention/stop_now"},
      {"waiting for lock 'CHIP_IN_USE_0_PCIe'", "tenstorrent.chip_lock/contention/stop_now"},
      {"tt_tlb_alloc failed with error code -12", "tenstorrent.tlb_exhausted/contention/stop_now"},
      {"Failed to allocate the TLB with size 1048576", "tenstorrent.tlb_exhausted/contention/stop_now"},
      {"Tenstorrent cards seem to be in use", "tenstorrent.cards_in_use/contention/stop_now"},
      {"Physical chip id not found for eth coord", "tenstorrent.chip_id_missing/board_broken/stop_campaign"},
      {"Graph specified in MGD could not fit", "tenstorrent.mesh_graph/board_broken/stop_campaign"},
      {"failed to initialize chip 0", "tenstorrent.chip_init/board_broken/stop_campaign"},
      {"Physical Discovery found missing channel/port connections", "tenstorrent.discovery/board_broken/stop_campaign"},
      {"Connection mismatch detected", "tenstorrent.connection_mismatch/board_broken/stop_campaign"},
      {"No chips detected", "tenstorrent.no_chips/board_broken/stop_campaign"},
      {"No core coordinate found at (1,9)", "tenstorrent.no_core_coordinate/board_broken/stop_campaign"},
      {"[gw0] node down: Not properly terminated", "pytest.worker_down/worker_down/let_end"},
      {"worker 'gw3' crashed while running 'tests/a.py::test_a'", "pytest.worker_down/worker_down/let_end"},
      {"replacing crashed worker gw3", "pytest.worker_down/worker_down/let_end"},
      {"E           Failed: Timeout >300.0s", "pytest.test_timeout/test_timeout/let_end"},
      {"E   Failed: Timeout (>5.0s) from pytest-timeout.", "pytest.test_timeout/test_timeout/let_end"},
      {"++++++++++++++++ Timeout ++++++++++++++++", "pytest.test_timeout/test_timeout/let_end"},
      {"Fatal Python error: Aborted", "pytest.fatal/crash/let_end"},
      {"terminate called after throwing an instance of 'std::runtime_error'", "libc.terminate/crash/let_end"},
      {"[HANG DETECTED] Card hang detected during test execution. tt-triage was invoked.",
       "tenstorrent.hang_report/device_timeout/stop_after_grace"},
      {"collecting ... collected 0 items", "pytest.nothing_collected/setup_error/stop_campaign"},
      {"gw0 [0] / gw1 [0]", "pytest.nothing_collected/setup_error/stop_campaign"},
      {"====== no tests ran in 0.01s ======", "pytest.nothing_collected/setup_error/stop_campaign"},
      {"ModuleNotFoundError: No module named 'ttnn'", "pytest.conftest_import/setup_error/stop_campaign"},
      {"/usr/bin/python3: No module named pytest", "pytest.interpreter/setup_error/stop_campaign"},
      {"/opt/venv/bin/python3.11: No module named pytest.__main__; 'pytest' is a package and cannot be directly "
       "executed",
       "pytest.interpreter/setup_error/stop_campaign"},
      {"python: No module named pytest", "pytest.interpreter/setup_error/stop_campaign"},
      {"ERROR: /src/conftest.py: No module named 'ttnn': build the checkout, or give its folder in PYTHONPATH "
       "(case.yaml)",
       "ndrepro.module_missing/setup_error/stop_campaign"},
      {"queue_stress.sh: cannot run: /src/q is no program: build it", "ndrepro.cannot_run/setup_error/stop_campaign"},
      {"run_test.sh: not filled in yet: no test is named", "ndrepro.not_filled_in/setup_error/stop_campaign"},
      {"[==========] Running 0 tests from 0 test suites.", "gtest.nothing_to_run/setup_error/stop_campaign"},
      {"tests/a.py::test_a[1] FAILED", "pytest.failed/exception/let_end"},
      {"FAILED [ 97%]", "pytest.failed/exception/let_end"},
      {"ERROR tests/a.py - ImportError: no", "pytest.failed/exception/let_end"},
      {"Memory cgroup out of memory: Killed process 12 (pytest)", "kernel.out_of_memory/crash/let_end"},
      {"src/a.c:3: f: Assertion `x > 0' failed.", "libc.assertion/exception/let_end"},
  }));
  CHECK(first_reaction(std::get<0>(expectation)) == std::get<1>(expectation));
}

TEST_CASE("alarming words of a healthy run make the supervisor do nothing") {
  const std::string line = GENERATE(
      as<std::string>{},  //
      "tests/base/test_guard_rails.py::test_timeout_is_reported[seconds=0.5] PASSED [  2%]",
      "tests/base/test_guard.py::test_FAILED_path[ERROR] PASSED", "tests/base/test_guard.py::test_segmentation_fault ",
      "searched generated/ for 'TIMEOUT: device timeout' and 'Segmentation fault': 0 files",
      "tests/test_known.py::test_bad XFAIL (Segmentation fault on P100, see #36551) [100%]",
      "SKIPPED (Test is not expected to fail on N150) [  5%]",
      "2026-05-15 | critical | Always | TT_FATAL: shard width 48 must be a multiple of 32",
      "2026-05-15 | critical | Always | TT_THROW: Kernel groups overlap on core 3-4",
      "no error expected; timeout budget 5 ms (test_util.cpp:280)",
      "Conv2d slicing retry: config 7 failed L1 fit, trying next (op_slicing.cpp:115)",
      "WARNING: The script pytest-timeout is installed in '/x/bin' which is not on PATH.",
      "error: RPC failed; curl 92 HTTP/2 stream 5 was not closed cleanly: CANCEL (err 8)",
      "plugins: timeout-2.2.0, xdist-3.6.1", "timeout: 300.0s", "timeout method: signal",
      "  TT_METAL_OPERATION_TIMEOUT_SECONDS: 60", "collected 10 items",
      "skipped without bpython: No module named torch", "caught: No module named 'torch'; run_test.sh goes on",
      "collecting ... collected 100 items / 40 deselected / 60 selected",
      "560 passed, 48 skipped, 2 xfailed, 7 warnings in 488.30s (0:08:08)", "[  PASSED  ] 6 tests.",
      "thread 4 failed to acquire, retrying", "ERROR: pip's dependency resolver does not currently take into account");
  CHECK(first_reaction(line) == "");
}

TEST_CASE("a verdict counts as progress once, in all its forms") {
  const std::string text =
      GENERATE(as<std::string>{},  //
               "tests/a.py::test_a[x-1] PASSED [ 11%]\n", "tests/a.py::test_a PASSED",
               "tests/a.py::TestB::test_a[two words] PASSED    [ 11%]\n",
               "PASSED                  Metal | INFO     | Closing device 0\n", "PASSED [  0%]\n",
               "PASSED2026-04-23 21:00:59.755 | info     | Metal | Closing device 0\n", "PASSED\n",
               "output without newlinePASSED [  9%]\n", "[gw0] [ 12%] PASSED tests/a.py::test_a \n",
               "[       OK ] Suite.Test (12 ms)\n", "[1,0]<stdout>:PASS iteration 3/50\n");
  INFO(text);
  CHECK(count_of(text, SignalClass::progress) == 1);
}

TEST_CASE("what only looks like a verdict is no progress") {
  const std::string text = GENERATE(as<std::string>{},  //
                                    "PASSED tests/a.py::test_a\n", "[  PASSED  ] 6 tests.\n",
                                    "tests/a.py::test_PASSED \n", "all checks PASSED\n", "tests/a.py::t SKIPPED (no)\n",
                                    "tests/a.py::t XFAIL [ 4%]\n", "PASS iteration x\n");
  INFO(text);
  CHECK(count_of(text, SignalClass::progress) == 0);
}

TEST_CASE("a test has begun when its name stands at the start of a line, and not when a command names it") {
  CHECK(count_of("tests/ttnn/test_a.py::test_a[x]", SignalClass::test_begin) == 1);
  CHECK(count_of("[ RUN      ] Suite.Test\n", SignalClass::test_begin) == 1);
  CHECK(count_of("Repeating all tests (iteration 2) . . .\n", SignalClass::test_begin) == 1);
  CHECK(count_of("+ pytest tests/ttnn/test_a.py::test_a -x -v\n", SignalClass::test_begin) == 0);
  CHECK(count_of("pytest 'tests/ttnn/test_a.py::test_a[x]'\n", SignalClass::test_begin) == 0);
}

TEST_CASE("a run is ending when pytest or gtest says so") {
  for (const char* line : {"!!!!!!!!!!! stopping after 1 failures !!!!!!!!!!!",
                           "!!!!!!!!! xdist.dsession.Interrupted: stopping after 1 failures !!!!!!",
                           "!!!!!!!!!!!!!!!!!!!! KeyboardInterrupt !!!!!!!!!!!!!!!!!!!!", "====== FAILURES ======",
                           "=== short test summary info ===", "= 1 failed, 57 passed, 6 skipped in 71.02s (0:01:11) =",
                           "1 passed in 0.01s", "[----------] Global test environment tear-down"}) {
    INFO(line);
    CHECK(count_of(std::string{line} + "\n", SignalClass::run_ending) == 1);
  }
}

TEST_CASE("fields are cut out of the line") {
  const auto found = signals_in("=== 1 failed, 57 passed, 6 skipped in 71.02s (0:01:11) ===\nPASS iteration 7/50\n");
  REQUIRE(found.size() == 2);
  CHECK(packs()->fields_of(found[0]) ==
        std::map<std::string, std::string>{{"failed", "1"}, {"passed", "57"}, {"seconds", "71.02"}});
  CHECK(packs()->fields_of(found[1]) == std::map<std::string, std::string>{{"iteration", "7"}, {"iterations", "50"}});
}

TEST_CASE("a site's pack is read with everything it says") {
  const auto rules = parse_signal_rules(pack("    pattern: 'lane (\\d+) lost'\n    class: device_timeout\n"
                                             "    reaction: stop_now\n    meaning: A lane is gone.\n"
                                             "    fields: 'lane (?P<lane>[0-9]+)'\n    example: lane 7 lost\n"),
                                        "site.yaml");
  REQUIRE(rules.has_value());
  REQUIRE(rules->size() == 1);
  const SignalRule& rule = rules->front();
  CHECK(rule.id == "site.one");
  CHECK_FALSE(rule.literal);
  CHECK(rule.signal_class == SignalClass::device_timeout);
  CHECK(rule.reaction == Reaction::stop_now);
  CHECK(rule.field_pattern == "lane (?P<lane>[0-9]+)");
}

TEST_CASE("a bad pack is refused with the line and what to do") {
  const std::string good = "    class: note\n    meaning: One.\n";
  CHECK(refusal_of("rules: [").field == "site.yaml:1");
  CHECK(refusal_of("[]").field == "site.yaml:1");
  CHECK(refusal_of("rules: {}\nmore: 1\n").field == "site.yaml:1");
  CHECK(refusal_of(pack(good)).reason == "site.one: needs a pattern or a literal, and not both");
  CHECK(refusal_of(pack("    pattern: a\n    literal: a\n" + good)).field == "site.yaml:2");
  CHECK(refusal_of(pack("    pattern: a(?=b)\n" + good)).field == "site.yaml:2");  // lookahead
  CHECK(refusal_of(pack("    pattern: (a)\\1\n" + good)).field == "site.yaml:2");  // back-reference
  CHECK(refusal_of(pack("    pattern: 'a*'\n" + good)).field == "site.yaml:2");    // the empty text
  CHECK(refusal_of(pack("    pattern: 'a('\n" + good)).field == "site.yaml:2");
  CHECK(refusal_of(pack("    literal: ''\n" + good)).field == "site.yaml:2");
  CHECK(refusal_of(pack("    pattern: a\n    colour: red\n" + good)).reason == "unknown key `colour`");
  CHECK(refusal_of(pack("    pattern: a\n    class: hang\n    meaning: One.\n")).reason ==
        "site.one: `hang` is no class");
  CHECK(refusal_of(pack("    pattern: a\n    reaction: panic\n" + good)).reason == "site.one: `panic` is no reaction");
  CHECK(refusal_of(pack("    pattern: a\n    class: note\n")).reason == "site.one: has no meaning");
  CHECK(refusal_of(pack("    pattern: a\n    fields: '(?P<x'\n" + good)).field == "site.yaml:2");
  CHECK(refusal_of(pack("    pattern: abc\n    example: abd\n" + good)).reason ==
        "site.one: does not match its example once");
  CHECK(refusal_of("rules:\n  - id: One\n    pattern: a\n" + good).reason == "`One` is not an id");
  CHECK(refusal_of("rules:\n  - 7\n").field == "site.yaml:2");
  CHECK(refusal_of(std::string((1 << 20) + 1, ' ')).reason == "is larger than 1 MiB");
}

TEST_CASE("a rule set refuses an id that is there twice, and no rules at all") {
  SignalRule rule;
  rule.id = "a.b";
  rule.pattern = "x";
  CHECK(SignalRuleSet::compile({rule, rule}).error().field == "a.b");
  CHECK(SignalRuleSet::compile({}).has_error());
  CHECK(SignalRuleSet::compile({rule}).value()->with({rule}).error().reason == "is there twice");
}
