#include "analyzer/stress/analysis_checklist.hpp"

#include <algorithm>

#include "analyzer/assert.hpp"
#include "analyzer/evidence/extract.hpp"
#include "tests/support/catch.hpp"

using ndr::AnalysisFindings;
using ndr::ChecklistItem;
using ndr::Evidence;

namespace {

ChecklistItem item(const std::string& id, const Evidence& evidence, const AnalysisFindings& findings = {}) {
  const auto items = ndr::analysis_checklist(evidence, findings);
  const auto found = std::find_if(items.begin(), items.end(), [&](const auto& one) { return one.id == id; });
  NDR_ASSERT(found != items.end());
  return *found;
}

const std::string failing =
    "Traceback (most recent call last):\n"
    "  File \"tools/drain.py\", line 7, in <module>\n    drain()\n"
    "  File \"tools/drain.py\", line 3, in drain\n    raise OSError(\"no pipe\")\n"
    "OSError: no pipe\n";

}  // namespace

TEST_CASE("the line that fails is the innermost own frame, where no test's source is known") {
  const ChecklistItem line = item("failing_line", ndr::extract_evidence("a.log", failing));
  CHECK(line.done);
  CHECK(line.note == "tools/drain.py:3");
  CHECK(line.place == "a.log:4");
}

TEST_CASE("a log without a failure asks for no line and no operation") {
  const Evidence passed = ndr::extract_evidence("a.log", "== test session starts ==\n=== 3 passed in 0.12s ===\n");
  CHECK(item("failing_line", passed).note == "there is no failure");
  CHECK(item("operation", passed).note == "there is no failure");
  CHECK(item("failure_type", passed).note == "the logs show no failure; add the log of a job that failed");
}

TEST_CASE("a failure of the machine asks for no line of code") {
  Evidence infra;
  infra.is_failure = true;
  infra.failure_type = ndr::FailureType::infra;
  CHECK(item("failing_line", infra).note == "the failure is of the machine or the network, not of code");
}

TEST_CASE("logs of another failure are counted at the failure's type") {
  ndr::EvidenceExtractor extractor;
  extractor.begin_file("a.log");
  extractor.feed(failing);
  extractor.begin_file("b.log");
  extractor.feed(failing);
  extractor.begin_file("c.log");
  extractor.feed("terminate called after throwing an instance of 'app::Lost'\n  what():  gone\n");
  const Evidence evidence = extractor.finish().evidence;
  CHECK(item("failure_type", evidence).note == "exception; 1 of the logs show another failure: give it its own case");
  REQUIRE_FALSE(evidence.conflicts.empty());
  CHECK(evidence.conflicts.back().field == "error_line");
  CHECK(evidence.conflicts.back().other.origin.file == 2);
}

TEST_CASE("a workflow that cannot be read is the reason why its job was not found") {
  Evidence evidence;
  evidence.is_failure = true;
  evidence.job = {"drain", {}};
  evidence.workflow = {".github/workflows/drain.yaml", {}};
  const ndr::JobSearch none;
  const std::vector<std::string> files;
  const ndr::TestFacts test;
  const std::vector<ndr::Refusal> problems{{".github/workflows/drain.yaml:7", "is no YAML", "mend it"}};
  AnalysisFindings findings;
  findings.has_checkout = true;
  findings.jobs = &none;
  findings.job_files = &files;
  findings.test = &test;
  findings.problems = &problems;
  const ChecklistItem job = item("ci_configuration", evidence, findings);
  CHECK_FALSE(job.done);
  CHECK(job.note.find("drain.yaml:7: is no YAML") != std::string::npos);
}
