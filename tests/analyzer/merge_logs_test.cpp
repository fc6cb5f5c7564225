// Several logs of one failure: which one speaks, what the others add, what they share.
#include <string>

#include "analyzer/evidence/extract.hpp"
#include "tests/support/catch.hpp"

namespace {

std::string crash(const std::string& what) {
  return "terminate called after throwing an instance of 'app::Lost'\n  what():  " + what + "\n";
}

std::string job_header(const std::string& job, const std::string& board) {
  return "2026-03-04T10:00:00.0000000Z Complete job name: " + job + "\n" +
         "2026-03-04T10:00:01.0000000Z ##[group]Run ./build/test/mixer_tests\n" +
         "2026-03-04T10:00:01.0000000Z ./build/test/mixer_tests\n2026-03-04T10:00:01.0000000Z env:\n" +
         "2026-03-04T10:00:01.0000000Z   MESH_DEVICE: " + board + "\n2026-03-04T10:00:01.0000000Z ##[endgroup]\n";
}

ndr::Extraction extract(const std::vector<std::pair<std::string, std::string>>& logs) {
  ndr::EvidenceExtractor extractor;
  for (const auto& [name, text] : logs) {
    extractor.begin_file(name);
    extractor.feed(text);
  }
  return extractor.finish();
}

}  // namespace

TEST_CASE("of several failures the one that most logs show counts") {
  const auto [evidence, signature] = extract({{"a.log", "Fatal Python error: Segmentation fault\n"},
                                              {"b.log", crash("lost packet 17 of the left mixer")},
                                              {"c.log", crash("lost packet 4 of the left mixer")}});
  CHECK(evidence.exception.value().value == "app::Lost");
  CHECK(evidence.exception->origin.file == 1);
  REQUIRE(evidence.logs.size() == 3);
  CHECK_FALSE(evidence.logs[0].same_failure);
  CHECK(evidence.logs[0].is_failure);
  CHECK(evidence.logs[1].same_failure);
  CHECK(evidence.logs[2].same_failure);
  CHECK(signature.message_template == "lost packet <n> of the left mixer");
}

TEST_CASE("what the speaking log lacks comes from another log of the same failure") {
  const auto [evidence, signature] =
      extract({{"console.log", crash("lost packet 17 of the left mixer")},
               {"job.log", job_header("mixer tests [N300]", "N300") + crash("lost packet 3 of the left mixer")}});
  CHECK(evidence.job.value().value == "mixer tests [N300]");
  CHECK(evidence.job->origin.file == 1);
  CHECK(evidence.command.value().value == "./build/test/mixer_tests");
  CHECK(evidence.error_line->origin.file == 0);
}

TEST_CASE("a value on which the logs differ is a conflict with both places") {
  const auto [evidence, signature] =
      extract({{"a.log", job_header("mixer tests", "N300") + crash("lost packet 1 of the left mixer")},
               {"b.log", job_header("mixer tests", "N150") + crash("lost packet 2 of the left mixer")}});
  const auto conflict = std::find_if(evidence.conflicts.begin(), evidence.conflicts.end(),
                                     [](const auto& c) { return c.field == "env.MESH_DEVICE"; });
  REQUIRE(conflict != evidence.conflicts.end());
  CHECK(conflict->kept.value == "N300");
  CHECK(conflict->other.value == "N150");
  CHECK(conflict->other.origin.file == 1);
}

TEST_CASE("a log that passes adds nothing of its own job") {
  const auto [evidence, signature] = extract(
      {{"a.log", crash("lost packet 1 of the left mixer")},
       {"b.log", "[==========] Running 1 test from 1 test suite.\n[ RUN      ] A.B\n[       OK ] A.B (1 ms)\n"}});
  CHECK(evidence.is_failure);
  CHECK_FALSE(evidence.logs[1].is_failure);
  CHECK(evidence.logs.size() == 2);
}

TEST_CASE("signatures of one failure share what they agree on") {
  ndr::Signature a;
  a.failure_type = ndr::FailureType::exception;
  a.exception = "Lost";
  a.message_template = "the left mixer lost its packet";
  a.site_file = "mixer/pump.cpp";
  a.frames = {"mixer/pump.cpp:pump", "mixer/run.cpp:run"};
  a.literals = {"the left mixer", "pump()"};
  ndr::Signature b = a;
  b.message_template = "the right mixer lost its packet";
  b.frames = {"mixer/pump.cpp:pump", "mixer/other.cpp:other"};
  b.literals = {"pump()"};
  const ndr::Signature common = ndr::common_signature({a, b});
  CHECK(common.message_template == "the <any> mixer lost its packet");
  CHECK(common.frames == std::vector<std::string>{"mixer/pump.cpp:pump"});
  CHECK(common.literals == std::vector<std::string>{"pump()"});
  CHECK(common.exception == "Lost");
  CHECK(ndr::match(common, a).grade == ndr::MatchGrade::exact);
  CHECK(ndr::match(common, b).grade == ndr::MatchGrade::exact);
  ndr::Signature other = b;
  other.message_template = "the right mixer lost its way";
  CHECK(ndr::match(common, other).grade == ndr::MatchGrade::same_site);
}

TEST_CASE("messages that share next to nothing are unknown, not anything") {
  ndr::Signature a;
  a.message_template = "a dog";
  ndr::Signature b;
  b.message_template = "a cat";
  CHECK(ndr::common_signature({a, b}).message_template.empty());
}

TEST_CASE("a template with a gap fits what has both its ends") {
  CHECK(ndr::fits_template("wait for <any> to end", "wait for core 3 to end"));
  CHECK_FALSE(ndr::fits_template("wait for <any> to end", "wait for to"));
  CHECK_FALSE(ndr::fits_template("wait for <any> to end", "wait for core 3 to begin"));
  CHECK(ndr::fits_template("same", "same"));
  std::string hostile;
  for (int i = 0; i < 10000; ++i)
    hostile += "<any>";
  CHECK(ndr::fits_template(hostile, "x"));
}
