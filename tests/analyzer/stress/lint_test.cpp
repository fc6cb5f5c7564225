#include "analyzer/stress/lint.hpp"

#include <algorithm>

#include "analyzer/assert.hpp"
#include "analyzer/stress/script_lines.hpp"
#include "analyzer/stress/stress_files.hpp"
#include "tests/support/catch.hpp"

using ndr::CaseFile;
using ndr::Evidence;
using ndr::LintFinding;
using ndr::Severity;

namespace {

const std::string test_code = R"(import os

import pytest

ITERATIONS = int(os.environ.get("NDREPRO_ITERATIONS", "50"))

pytestmark = pytest.mark.use_module_device


def drain_operation(device):
    device.drain()


@pytest.mark.parametrize("iteration", range(ITERATIONS))
def test_drain_stress(device, iteration):
    drain_operation(device)
)";

// A case as generate writes it; a test changes one thing.
struct LintedCase {
  Evidence evidence;
  ndr::CaseSettings settings;
  ndr::TestFacts test;
  CaseFile script{"run_test.sh", "", true};
  CaseFile stress{"tests/test_drain_stress.py", "", false};
  bool has_script = true;
  bool has_stress = true;
  bool has_readme = true;

  LintedCase() {
    evidence.files = {"logs/ci.log"};
    evidence.is_failure = true;
    evidence.failure_type = ndr::FailureType::device_timeout;
    evidence.test_id = {"tests/test_pipe.py::test_drain", {}};
    evidence.error_line = {"TIMEOUT: device timeout", {0, 12, 0}};
    evidence.environment["ARCH_NAME"] = {"wormhole_b0", {0, 3, 0}};
    evidence.environment["TT_METAL_OPERATION_TIMEOUT_SECONDS"] = {"5", {0, 4, 0}};
    evidence.environment["HF_HOME"] = {"/mnt/no/such/models", {0, 5, 0}};
    evidence.environment["LD_PRELOAD"] = {"/opt/evil.so", {0, 6, 0}};
    evidence.timeouts["operation_s"] = {5, {0, 4, 0}};
    evidence.seconds_into_test = {7, {0, 12, 0}};
    test.file = "tests/test_pipe.py";
    test.function = "test_drain";
    test.fixture_kind = "fixture:device (module scope: use_module_device)";
    test.stress.emplace();
    test.stress->is_slice = true;
    test.stress->base = "drain";
    test.stress->code = test_code;
    const ndr::JobSearch jobs;
    const std::vector<std::string> files;
    const ndr::StressSources sources{"pipe", evidence, settings, "/checkout", test, jobs, files, {}, {}};
    const auto plan = ndr::plan_stress(sources);
    NDR_ASSERT(plan.has_value());
    for (const ndr::GeneratedFile& file : ndr::stress_files(sources, *plan)) {
      if (file.path == script.path) script.text = file.text;
      if (file.path == stress.path) stress.text = file.text;
    }
    NDR_ASSERT(!script.text.empty() && !stress.text.empty());
  }

  LintedCase& replace(CaseFile LintedCase::*file, const std::string& old, const std::string& with) {
    std::string& text = (this->*file).text;
    NDR_ASSERT(text.find(old) != std::string::npos);
    for (auto at = text.find(old); at != std::string::npos; at = text.find(old, at + with.size()))
      text.replace(at, old.size(), with);
    return *this;
  }

  std::vector<LintFinding> findings() const {
    const auto variables = ndr::plan_environment({evidence, settings, nullptr, {}, ""});
    ndr::LintSources sources{
        std::nullopt, {}, std::nullopt, true, evidence, test, variables, {}, [](const auto&) { return false; }};
    if (has_script) sources.run_script = script;
    if (has_stress) sources.tests = {stress};
    if (has_readme) sources.readme = CaseFile{"README.md", "./run_test.sh", false};
    return ndr::lint(sources);
  }
  std::string rules() const {
    std::string ids;
    for (const LintFinding& finding : findings())
      ids.append(ids.empty() ? "" : " ").append(finding.rule);
    return ids;
  }
};

constexpr auto of_script = &LintedCase::script;
constexpr auto of_test = &LintedCase::stress;

}  // namespace

TEST_CASE("generated files have nothing to mend") { CHECK(LintedCase{}.rules().empty()); }

TEST_CASE("each common mistake is found by the rule that is named after it") {
  const auto changed = [](auto file, const std::string& old, const std::string& with) {
    return LintedCase{}.replace(file, old, with).rules();
  };
  CHECK(changed(of_script, "export ARCH_NAME='wormhole_b0'", "") == "missing-environment");
  CHECK(changed(of_script, "export TT_METAL_OPERATION_TIMEOUT_SECONDS='5'", "") ==
        "missing-environment missing-timeout");
  CHECK(changed(of_script, "--timeout=$NDREPRO_TIMEOUT", "--timeout=3") == "wrong-failure-type");
  CHECK(changed(of_script, "    -x -v", "    -v") == "no-stop-at-first");
  CHECK(changed(of_script, "    -x -v", "    -x") == "not-verbose");
  CHECK(changed(of_script, "-n \"$NDREPRO_WORKERS\"", "-n auto") == "auto-workers");
  CHECK(changed(of_script, "#!/bin/bash\n", "#!/bin/bash\nset -e\n") == "set-e");
  CHECK(changed(of_script, "\"${options[@]}\" \"$@\"", "\"${options[@]}\" \"$@\" 2>&1 | tee log") == "pipe");
  CHECK(changed(of_script, "exit \"$test_result\"", "true") == "exit-status");
  CHECK(changed(of_script, "#!/bin/bash\n", "#!/bin/bash -e\n") == "set-e");
  CHECK(changed(of_script, "#!/bin/bash\n", "#!/bin/bash\ntrue; set -ue\n") == "set-e");
  CHECK(changed(of_script, "\"${options[@]}\" \"$@\"", "\"$@\"|tee log") == "pipe");
  CHECK(changed(of_script, "    -x -v", "    -vx").empty());
  CHECK(changed(of_script, "    -x -v", "    --maxfail=100 -v") == "no-stop-at-first");
  CHECK(changed(of_script, "-n \"$NDREPRO_WORKERS\"", "-nauto") == "auto-workers");
  CHECK(changed(of_script, "#!/bin/bash\n", "#!/bin/bash\nexport PYTEST_ADDOPTS=-pevil\n") == "loader-variable");
  CHECK(changed(of_script, "#!/bin/bash\n", "#!/bin/bash\nN=$((1 << 3))\n").empty());
  CHECK(changed(of_script, "\"$SCRIPT_DIR\"/'tests/test_drain_stress.py'", "tests/ttnn") == "whole-suite");
  CHECK(changed(of_script, "# ndrepro-contract: 1", "#") == "no-contract");
  CHECK(changed(of_script, "or_mock HF_HOME ", "export HF_HOME=") == "missing-path");
  CHECK(changed(of_script, "# LD_PRELOAD is not set", "export LD_PRELOAD=/opt/evil.so #") == "loader-variable");
  CHECK(changed(of_script, "export ARCH_NAME='wormhole_b0'", "export ARCH_NAME='***'") == "secret");
  CHECK(changed(of_script, "NDREPRO_ITERATIONS:-", "NDREPRO_ITERATIONS:-9") == "too-long");
  CHECK(changed(of_test, "(device, iteration)", "(iteration)") == "device-setup");
  CHECK(changed(of_test, "pytestmark = pytest.mark.use_module_device", "") == "device-setup");
}

TEST_CASE("a script that is not executable, and files that are missing") {
  LintedCase locked;
  locked.script.is_executable = false;
  CHECK(locked.rules() == "not-executable");
  LintedCase bare;
  bare.has_script = bare.has_stress = bare.has_readme = false;
  CHECK(bare.rules() == "no-run-script no-stress-test no-readme");
}

TEST_CASE("a test that runs the operation once amplifies nothing") {
  LintedCase once;
  once.stress.text = "def test_drain_stress(device):\n    device.drain()\n# use_module_device\n";
  once.script.text =
      "#!/bin/bash\n# ndrepro-contract: 1\nexport ARCH_NAME=wormhole_b0 TT_METAL_OPERATION_TIMEOUT_SECONDS=5\n"
      "or_mock HF_HOME /mnt/no/such/models\npytest tests/test_drain_stress.py -x -v --timeout=60\n";
  CHECK(once.rules() == "no-amplification");
}

TEST_CASE("a direct opening of the device is asked for where the original has one") {
  LintedCase opened;
  opened.test.fixture_kind = "direct:ttnn.open_device";
  CHECK(opened.rules() == "device-setup");
  opened.stress.text += "    ttnn.open_device(device_id=0)\n";
  CHECK(opened.rules().empty());
}

TEST_CASE("findings say where, errors first") {
  LintedCase wrong;
  wrong.replace(of_script, "    -x -v", "    -x").replace(of_script, "#!/bin/bash\n", "#!/bin/bash\nset -e\n");
  const auto findings = wrong.findings();
  REQUIRE(findings.size() == 2);
  CHECK(findings[0].severity == Severity::error);
  CHECK(findings[0].file == "run_test.sh");
  CHECK(findings[0].line == 2);
  CHECK(findings[1].severity == Severity::warning);
}

TEST_CASE("every rule that a finding names is in the list of rules") {
  const auto& rules = ndr::lint_rules();
  LintedCase bare;
  bare.has_script = bare.has_stress = bare.has_readme = false;
  for (const LintFinding& finding : bare.findings())
    CHECK(std::any_of(rules.begin(), rules.end(), [&](const auto& rule) { return rule.id == finding.rule; }));
}

TEST_CASE("a script's lines are joined, without comments and here-documents") {
  const auto lines = ndr::script_lines("#!/bin/bash\na '# b' \\\n  c # d\ncat <<'E'\nset -e\nE\nx#y\n");
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].text == "a '# b' c");
  CHECK(lines[0].line == 2);
  CHECK(lines[1].text == "cat <<'E'");
  CHECK(lines[2].text == "x#y");
  CHECK(lines[2].line == 7);
}
