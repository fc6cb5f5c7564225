#include "analyzer/evidence/signature.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "analyzer/evidence/extract.hpp"
#include "tests/analyzer/log_fixtures.hpp"
#include "tests/support/catch.hpp"

namespace {

ndr::Signature signature(std::string_view log) { return ndr::signature_of(ndr::extract_evidence("run.log", log)); }

std::string session(const std::string& file, const std::string& test, const std::string& block,
                    const std::string& verdict) {
  return "============================= test session starts ==============================\nrootdir: /srv/" + verdict +
         "\ncollecting ... collected 1 item\n\n" + file + "::" + test +
         " FAILED [100%]\n=================================== FAILURES ===================================\n____ " +
         test + " ____\n" + block +
         "============================== 1 failed in 0.10s ===============================\n";
}

// Raised by a helper in another file than the test.
std::string shared_failure(const std::string& file, const std::string& test, int line, const std::string& values) {
  return session(
      file, test,
      "    def " + test + "():\n>       check(counter)\n\n" + file + ":" + std::to_string(line) +
          ": \n_ _ _ _ _ _\n\n    def check(counter):\n>       raise RuntimeError(text)\nE       RuntimeError: lost " +
          values + " updates\n\ntools/counting.py:12: RuntimeError\n",
      "ci");
}

// Raised by an assert in the test's own body.
std::string body_failure(const std::string& file, const std::string& test, const std::string& statement,
                         const std::string& error) {
  return session(
      file, test,
      "    def " + test + "():\n>       " + statement + "\nE       " + error + "\n\n" + file + ":9: AssertionError\n",
      "ci");
}

}  // namespace

TEST_CASE("values that vary between runs are masked") {
  CHECK(ndr::mask_values("expected 12 but got 0x1F") == "expected <n> but got <hex>");
  CHECK(ndr::mask_values("took 4.93s of 5, drift -1e-05") == "took <n>s of <n>, drift <n>");
  CHECK(ndr::mask_values("/tmp/pytest-0/a/run.log:31: Failure") == "<path>/run.log:<n>: Failure");
  CHECK(ndr::mask_values("tests/ops/test_a.py:31 and N/A") == "<path>/test_a.py:<n> and N/A");
  CHECK(ndr::mask_values("id 123e4567-e89b-12d3-a456-426614174000 of deadbeef12") == "id <uuid> of <hex>");
  CHECK(ndr::mask_values("job 'round_17' on wormhole_b0 gw2") == "job 'round_<n>' on wormhole_b0 gw2");
  CHECK(ndr::mask_values("got [1, 2, 3] and { 4, 5 }") == "got [<n>] and { <n> }");
  CHECK(ndr::mask_values("don't count 3  blanks") == "don't count <n> blanks");
  CHECK(ndr::mask_values("") == "");
}

TEST_CASE("masking again changes nothing") {
  for (const LogFixture& fixture : log_fixtures()) {
    for (const auto& [name, bytes] : fixture.logs) {
      const auto evidence = ndr::extract_evidence(name, bytes);
      if (!evidence.error_line) continue;
      const std::string once = ndr::mask_values(evidence.error_line->value);
      INFO(fixture.name);
      CHECK(ndr::mask_values(once) == once);
    }
  }
}

TEST_CASE("a failure matches itself exactly") {
  for (const LogFixture& fixture : log_fixtures()) {
    for (const auto& [name, bytes] : fixture.logs) {
      const auto evidence = ndr::extract_evidence(name, bytes);
      if (!evidence.is_failure || !evidence.error_line) continue;
      const auto own = ndr::signature_of(evidence);
      INFO(fixture.name);
      CHECK(ndr::match(own, own).grade == ndr::MatchGrade::exact);
    }
  }
}

TEST_CASE("two different fixtures never count as one failure") {
  // Other tests that meet the same failure of the runtime or of a limit: nothing in their signatures tells them apart.
  const std::vector<std::set<std::string>> one_failure{
      {"chip_lock_contention", "device_contention_test_open_twice", "device_contention_test_relay_sum",
       "tlb_contention"},
      {"device_timeout_device_timeout", "device_timeout_test_heads_unroll_paged", "device_timeout_test_replay_many"},
      {"l1_out_of_memory", "out_of_memory_test_fan_forward"},
      {"command_timeout_gtest", "test_timeout_pingpong_many"},
      {"ctest_unknown_file", "exception_programming_examples_wormhol"}};
  const auto are_one = [&](const std::string& a, const std::string& b) {
    return std::any_of(one_failure.begin(), one_failure.end(),
                       [&](const auto& group) { return group.count(a) > 0 && group.count(b) > 0; });
  };
  std::vector<std::pair<std::string, ndr::Signature>> all;
  for (const LogFixture& fixture : log_fixtures()) {
    const auto evidence = ndr::extract_evidence(fixture.name, fixture.logs.back().second);
    if (evidence.is_failure) all.emplace_back(fixture.name, ndr::signature_of(evidence));
  }
  for (const auto& [name, wanted] : all) {
    for (const auto& [other, seen] : all) {
      INFO(name << " and " << other);
      if (name != other && !are_one(name, other)) CHECK_FALSE(ndr::match(wanted, seen).counts());
    }
  }
}

TEST_CASE("what leads to failures of many kinds does not make two of them one") {
  ndr::Signature throws;
  throws.failure_type = ndr::FailureType::exception;
  throws.exception = "RuntimeError";
  throws.message_template = "a worker core tried to read from an unknown core";
  throws.site_file = "impl/debug/watcher.cpp";
  throws.frames = {"ops/decorators.py:__call__"};
  ndr::Signature builds = throws;
  builds.message_template = "the build of a kernel failed, see its log";
  builds.site_file = "impl/jit/build.cpp";
  CHECK(ndr::match(throws, builds).grade == ndr::MatchGrade::same_class);
  builds.site_file.clear();  // nothing speaks against it then
  CHECK(ndr::match(throws, builds).grade == ndr::MatchGrade::same_site);

  ndr::Signature other_throw = throws;  // of the same file
  other_throw.message_template = "a core never reached its barrier in time";
  other_throw.frames.clear();
  CHECK(ndr::match(throws, other_throw).grade == ndr::MatchGrade::same_class);
  other_throw.frames = throws.frames;
  CHECK(ndr::match(throws, other_throw).grade == ndr::MatchGrade::same_site);
}

TEST_CASE("a site in shared code survives that the stress test is another file") {
  const auto wanted = signature(shared_failure("tests/test_count.py", "test_count", 30, "2 of 200"));
  CHECK(wanted.site_file == "tools/counting.py");
  CHECK(wanted.site_function == "check");
  CHECK_FALSE(wanted.raised_in_test);
  const auto again = signature(shared_failure("case/tests/test_count_stress.py", "test_count_stress", 8, "17 of 200"));
  CHECK(ndr::match(wanted, again).grade == ndr::MatchGrade::exact);
}

TEST_CASE("another message at the same site is the same site") {
  const auto wanted = signature(shared_failure("tests/test_count.py", "test_count", 30, "2 of 200"));
  const auto other = signature(shared_failure("tests/test_count.py", "test_count", 30, "no"));
  CHECK(ndr::match(wanted, other).grade == ndr::MatchGrade::same_site);
}

TEST_CASE("in the test's own body the statement decides") {
  const auto wanted =
      signature(body_failure("tests/test_q.py", "test_q", "assert queue.drain() == 200", "assert 199 == 200"));
  CHECK(wanted.raised_in_test);
  CHECK(wanted.statement == "assert queue.drain() == 200");
  const auto stress = signature(
      body_failure("x/test_q_stress.py", "test_q_stress", "assert queue.drain() == 200", "assert 150 == 200"));
  CHECK(ndr::match(wanted, stress).grade == ndr::MatchGrade::exact);
  const auto other =
      signature(body_failure("x/test_q_stress.py", "test_q_stress", "assert workers == 4", "assert 3 == 4"));
  CHECK(ndr::match(wanted, other).grade == ndr::MatchGrade::same_class);
}

TEST_CASE("in the test's own body a message with words of its own decides too") {
  const auto wanted =
      signature(body_failure("tests/test_q.py", "test_q", "assert n == 200, f\"only {n} items arrived\"",
                             "AssertionError: only 199 items arrived"));
  const auto reworded = signature(
      body_failure("tests/s.py", "test_s", "assert got == want, text(got)", "AssertionError: only 12 items arrived"));
  CHECK(ndr::match(wanted, reworded).grade == ndr::MatchGrade::exact);
}

TEST_CASE("the same failure in a parallel run is recognised") {
  const std::string block =
      "    def test_a():\n>       assert count() == 10, \"updates were lost\"\nE       AssertionError: updates were "
      "lost\nE       "
      "assert 9 == 10\n\ntests/test_a.py:9: AssertionError\n";
  const auto plain = signature(session("tests/test_a.py", "test_a", block, "a"));
  const auto parallel = signature(
      "============================= test session starts ==============================\ncreated: 4/4 "
      "workers\n\nscheduling tests "
      "via LoadScheduling\n\n[gw3] [ 10%] FAILED tests/test_a.py::test_a \n"
      "=================================== FAILURES ===================================\n____ test_a ____\n[gw3] linux "
      "-- Python "
      "3.11.2 /usr/bin/python3\n\n" +
      block + "==================== 1 failed, 9 passed in 0.10s ====================\n");
  CHECK(ndr::match(plain, parallel).grade == ndr::MatchGrade::exact);
}

TEST_CASE("another type of failure is another failure") {
  const auto wanted = signature(shared_failure("tests/test_count.py", "test_count", 30, "2 of 200"));
  const auto crash = signature("Segmentation fault (core dumped)\n");
  const auto match = ndr::match(wanted, crash);
  CHECK(match.grade == ndr::MatchGrade::other);
  CHECK_FALSE(match.counts());
  CHECK(match.reasons.front() == "failure type: exception ≠ crash");
}

TEST_CASE("a run that passed matches nothing") {
  const auto passed = signature("all is well\n");
  CHECK(passed == ndr::Signature{});
  CHECK(ndr::match(passed, passed).grade == ndr::MatchGrade::other);
}

TEST_CASE("a C++ program that dies is recognised by its own words") {
  const auto wanted =
      signature("terminate called after throwing an instance of 'app::Lost'\n  what():  counter is 12 after 20\n");
  const auto again = signature(
      "run 1\nrun 2\nterminate called after throwing an instance of 'app::Lost'\n  what():  counter is 19 after "
      "20\n./run.sh: line 3: 99 Aborted  ./a\n");
  CHECK(ndr::match(wanted, again).grade == ndr::MatchGrade::exact);
  const auto other =
      signature("terminate called after throwing an instance of 'app::Lost'\n  what():  socket closed\n");
  CHECK(ndr::match(wanted, other).grade == ndr::MatchGrade::same_class);
}

TEST_CASE("a failed assert is recognised in another checkout and on another line") {
  const auto wanted =
      signature("pool: /__w/r/r/src/pool.cpp:58: void app::Pool::give(int): Assertion `free_ <= size_' failed.\n");
  const auto again = signature(
      "pool: /home/me/r/src/pool.cpp:61: void app::Pool::give(int): Assertion `free_ <= size_' failed.\nAborted\n");
  CHECK(wanted.site_function == "app::Pool::give");
  CHECK(ndr::match(wanted, again).grade == ndr::MatchGrade::exact);
}

TEST_CASE("a death that only the shell reported is recognised") {
  const auto wanted = signature("run.sh: line 3: 4711 Segmentation fault      (core dumped) ./a\n");
  const auto again = signature("./run_test.sh: line 40: 9 Segmentation fault      ./a --more\n");
  CHECK(ndr::match(wanted, again).grade == ndr::MatchGrade::exact);
}

TEST_CASE("literals are plain parts of what a matching output holds") {
  for (const LogFixture& fixture : log_fixtures()) {
    const auto& bytes = fixture.logs.back().second;
    const auto evidence = ndr::extract_evidence(fixture.name, bytes);
    if (!evidence.is_failure) continue;
    const auto own = ndr::signature_of(evidence);
    INFO(fixture.name);
    CHECK(own.literals.size() <= 4);
    bool any = own.literals.empty();
    for (const std::string& literal : own.literals) {
      CHECK(literal.size() >= 8);
      any = any || bytes.find(literal) != std::string::npos;
    }
    CHECK(any);
    CHECK((evidence.failure_type == ndr::FailureType::hang || !own.literals.empty()));
  }
}

TEST_CASE("a match explains itself field by field") {
  const auto wanted = signature(shared_failure("tests/test_count.py", "test_count", 30, "2 of 200"));
  const auto match = ndr::match(wanted, wanted);
  REQUIRE(match.reasons.size() == 7);
  CHECK(match.reasons[1] == "exception: RuntimeError = RuntimeError");
  CHECK(match.reasons[2] == "message: RuntimeError: lost <n> of <n> updates = RuntimeError: lost <n> of <n> updates");
  CHECK(match.reasons[4] == "throw site: tools/counting.py in check = tools/counting.py in check");
}

TEST_CASE("grades have words") {
  for (const auto grade :
       {ndr::MatchGrade::exact, ndr::MatchGrade::same_site, ndr::MatchGrade::same_class, ndr::MatchGrade::other}) {
    CHECK(ndr::match_grade_from(ndr::to_text(grade)) == grade);
  }
  CHECK_FALSE(ndr::match_grade_from("alike"));
  for (int type = 0; type <= static_cast<int>(ndr::FailureType::exception); ++type) {
    const auto failure = static_cast<ndr::FailureType>(type);
    CHECK(ndr::failure_type_from(ndr::to_text(failure)) == failure);
  }
  CHECK_FALSE(ndr::failure_type_from("bad luck"));
}

TEST_CASE("a match says nothing of fields that neither side knows") {
  const auto wanted = signature("run.sh: line 3: 4711 Segmentation fault      (core dumped) ./a\n");
  const auto match = ndr::match(wanted, wanted);
  REQUIRE_FALSE(match.reasons.empty());
  for (const std::string& reason : match.reasons)
    CHECK(reason.find("unknown ? unknown") == std::string::npos);
}

TEST_CASE("two test bodies are no throw sites that differ: their statements do") {
  ndr::Signature wanted;
  wanted.failure_type = ndr::FailureType::assertion;
  wanted.message_template = "assert <n> == <n>";
  wanted.site_file = "tests/test_a.py";
  wanted.raised_in_test = true;
  wanted.statement = "assert a == 2";
  ndr::Signature seen = wanted;
  seen.statement = "assert b == 2";
  seen.message_template = "assert <n> is <n>";
  const std::vector<std::string> differing{"failure type: assertion = assertion",
                                           "message: assert <n> == <n> ≠ assert <n> is <n>",
                                           "statement: assert a == 2 ≠ assert b == 2"};
  CHECK(ndr::match(wanted, seen).reasons == differing);
  CHECK(ndr::match(wanted, wanted).reasons.back() == "throw site: the test's own body = the test's own body");
}
