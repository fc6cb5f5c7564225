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
  CaseFile conftest{"tests/conftest.py", "", false};
  bool has_script = true;
  bool has_stress = true;
  bool has_readme = true;
  std::optional<std::vector<ndr::TestShape>> shapes{{drain_shape()}};

  // What the reader says of test_code.
  static ndr::TestShape drain_shape() {
    ndr::TestShape shape;
    shape.path = "tests/test_drain_stress.py";
    shape.name = "test_drain_stress";
    shape.line = 17;
    shape.fixture_kind = "fixture:device (module scope: use_module_device)";
    shape.fixtures = {"device"};
    shape.marks = {"use_module_device"};
    shape.set_up["device_params"] = {"{'l1_small_size': 16384}"};
    shape.uses = {"drain", "drain_operation", "device"};
    shape.repeats = std::nullopt;
    return shape;
  }

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
    test.stress->conftests = {"conftest.py"};
    test.failing_statement = "device.drain()";
    test.failing_line = 12;
    test.shape.emplace();
    test.shape->fixtures = {"device", "device_params"};
    test.shape->set_up["device_params"] = {"{'l1_small_size': 16384}"};
    test.shape->operations = {"drain"};
    const ndr::JobSearch jobs;
    const std::vector<std::string> files;
    const ndr::StressSources sources{"pipe", evidence, settings, "/checkout", test, jobs, files, {}, {}};
    const auto plan = ndr::plan_stress(sources);
    NDR_ASSERT(plan.has_value());
    for (const ndr::GeneratedFile& file : ndr::stress_files(sources, *plan)) {
      if (file.path == script.path) script.text = file.text;
      if (file.path == stress.path) stress.text = file.text;
      if (file.path == conftest.path) conftest.text = file.text;
    }
    NDR_ASSERT(!script.text.empty() && !stress.text.empty() && !conftest.text.empty());
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
        std::nullopt, {}, std::nullopt, true, evidence, test, variables, {}, shapes, false, [](const auto& path) {
          return path == "/bin/bash" || path == "/checkout";
        }};
    if (has_script) sources.run_script = script;
    if (has_stress) sources.tests = {conftest, stress};
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
  CHECK(changed(of_script, "export TT_METAL_OPERATION_TIMEOUT_SECONDS='5'", "") == "missing-environment");
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
}

TEST_CASE("a variable that the test would not see as CI had it") {
  const std::string arch = "export ARCH_NAME='wormhole_b0'";
  const auto changed = [&](const std::string& with) { return LintedCase{}.replace(of_script, arch, with).rules(); };
  CHECK(changed("ARCH_NAME=wormhole_b0").starts_with("missing-environment"));
  CHECK(changed("ARCH_NAME=wormhole_b0\nexport ARCH_NAME").empty());
  CHECK(changed("set -a; ARCH_NAME=\"wormhole_b0\"").empty());
  CHECK(changed("declare -x ARCH_NAME=wormhole_b0").empty());
  CHECK(changed("export ARCH_NAME=grayskull") == "wrong-environment");
  CHECK(changed("export ARCH_NAME=${ARCH_NAME:-wormhole_b0}").empty());
  CHECK(changed("export ARCH_NAME=\"${ARCH_NAME:-grayskull}\"") == "wrong-environment");
  CHECK(changed("export ARCH_NAME=\"$(arch)\"").empty());
  CHECK(changed("A=wormhole_b0; export ARCH_NAME=$A").empty());
  CHECK(changed(arch + "; unset ARCH_NAME") == "missing-environment");
  CHECK(changed(arch + "\nexport -n ARCH_NAME") == "missing-environment");
  CHECK(changed(arch + "; export ARCH_NAME=blackhole") == "wrong-environment");
  CHECK(changed("# " + arch) == "missing-environment");
  CHECK(changed("echo \"" + arch + "\"") == "missing-environment");
  LintedCase sourcing;
  sourcing.replace(of_script, arch, "source env.sh");
  REQUIRE(sourcing.findings().size() == 1);
  CHECK(sourcing.findings()[0].severity == Severity::warning);
  LintedCase cleared;
  cleared.replace(of_script, "\"$python\" -m pytest", "env -u ARCH_NAME \"$python\" -m pytest");
  CHECK(cleared.rules() == "missing-environment");
  LintedCase limit;
  limit.replace(of_script, "TT_METAL_OPERATION_TIMEOUT_SECONDS='5'", "TT_METAL_OPERATION_TIMEOUT_SECONDS='50'");
  REQUIRE(limit.findings().size() == 1);
  CHECK(limit.findings()[0].severity == Severity::error);
}

TEST_CASE("a status that is not the test's") {
  const std::string last = "\"${options[@]}\" \"$@\"";
  const auto changed = [&](const std::string& with) { return LintedCase{}.replace(of_script, last, with).rules(); };
  CHECK(changed(last + " || true") == "exit-status");
  CHECK(changed(last + " || echo failed") == "exit-status");
  CHECK(changed(last + " &") == "exit-status");
  CHECK(changed(last + "; echo done") == "exit-status");
  CHECK(changed(last + " > log 2>&1").empty());
  CHECK(LintedCase{}.replace(of_script, "exit \"$test_result\"", "exit 0").rules() == "exit-status");
  CHECK(LintedCase{}.replace(of_script, "test_result=$?", "echo; test_result=$?").rules() == "exit-status");
  LintedCase told;
  told.replace(of_script, "exit \"$test_result\"", "[ \"$test_result\" -eq 0 ] || exit 1");
  REQUIRE(told.findings().size() == 1);
  CHECK(told.findings()[0].severity == Severity::warning);
}

TEST_CASE("a script that runs no test, hides a failure, or finds its test by chance") {
  const std::string options = "    -x -v";
  const auto changed = [&](const std::string& with) { return LintedCase{}.replace(of_script, options, with).rules(); };
  CHECK(changed("    -x -v --collect-only") == "no-test-command");
  CHECK(changed("    -x -v --reruns 3") == "hidden-failure");
  CHECK(LintedCase{}.replace(of_script, "--timeout=$NDREPRO_TIMEOUT", "--timeout=0").rules() == "missing-timeout");
  CHECK(LintedCase{}.replace(of_script, "--timeout=$NDREPRO_TIMEOUT", "--timeout=3600").rules() == "too-long");
  LintedCase lost;
  lost.script.text =
      "#!/bin/bash\n# ndrepro-contract: 1\nexport ARCH_NAME=wormhole_b0 TT_METAL_OPERATION_TIMEOUT_SECONDS=5\n"
      "or_mock HF_HOME /mnt/no/such/models\npytest tests/test_drain_stress.py -x -v --timeout=60\n";
  CHECK(lost.rules() == "directory");
}

TEST_CASE("a stress test is compared with its original") {
  const auto changed = [](auto change) {
    LintedCase linted;
    change(linted, linted.shapes->front());
    return linted.rules();
  };
  using Case = LintedCase;
  using Shape = ndr::TestShape;
  CHECK(changed([](Case&, Shape& s) { s.fixture_kind = "none"; }) == "device-setup");
  CHECK(changed([](Case&, Shape& s) { s.marks.clear(); }) == "device-setup");
  CHECK(changed([](Case&, Shape& s) { s.set_up.clear(); }) == "device-setup");
  CHECK(changed([](Case&, Shape& s) { s.set_up["device_params"] = {"{}"}; }) == "device-setup");
  CHECK(changed([](Case&, Shape& s) { s.set_up["device_params"].push_back("{}"); }) == "device-setup");
  CHECK(changed([](Case&, Shape& s) { s.set_up["device_params"].clear(); }).empty());
  CHECK(changed([](Case& c, Shape&) { c.conftest.text = "# nothing\n"; }) == "device-setup");
  CHECK(changed([](Case&, Shape& s) { s.own_fixture = "tests/conftest.py:3"; }) == "device-setup");
  CHECK(changed([](Case&, Shape& s) { s.uses = {"fill"}; }) == "wrong-operation");
  CHECK(changed([](Case&, Shape& s) { s.repeats = 1; }) == "no-amplification");
  CHECK(changed([](Case&, Shape& s) { s.repeats = 3; }) == "no-amplification");
  CHECK(changed([](Case&, Shape& s) { s.repeats = 50; }).empty());
  CHECK(changed([](Case&, Shape& s) { s.hides = {{4, "skip"}}; }) == "hidden-failure");
  CHECK(changed([](Case&, Shape& s) { s.hides = {{4, "except"}}; }) == "hidden-failure");
  CHECK(changed([](Case& c, Shape& s) {
          s.hides = {{4, "skipif"}, {5, "xfail"}};
          c.test.shape->hides = {{9, "skipif"}, {10, "xfail"}};
        }) == "hidden-failure");
  CHECK(changed([](Case& c, Shape&) { c.shapes->clear(); }) == "no-stress-test");
  CHECK(changed([](Case& c, Shape&) { c.shapes.reset(); }).empty());  // no Python: not read
  CHECK(changed([](Case&, Shape& s) {
          s.runs_original = true;
          s.fixture_kind = "none";
        }).empty());
}

TEST_CASE("a script that is not executable, and files that are missing") {
  LintedCase locked;
  locked.script.is_executable = false;
  CHECK(locked.rules() == "not-executable");
  LintedCase bare;
  bare.has_script = bare.has_stress = bare.has_readme = false;
  CHECK(bare.rules() == "no-run-script no-stress-test no-readme");
}

TEST_CASE("a direct opening of the device is asked for where the original has one, with its arguments") {
  using Arguments = std::map<std::string, std::string>;
  LintedCase opened;
  opened.test.fixture_kind = "direct:ttnn.open_device";
  opened.test.shape->opened = Arguments{{"device_id", "0"}, {"l1_small_size", "16384"}};
  CHECK(opened.rules() == "device-setup");
  opened.shapes->front().opened = Arguments{{"device_id", "0"}};
  CHECK(opened.rules() == "device-setup");
  opened.shapes->front().opened = Arguments{{"device_id", "?"}, {"l1_small_size", "16384"}};
  CHECK(opened.rules().empty());
  opened.shapes->front().opened = Arguments{{"device_id", "0"}, {"l1_small_size", "32768"}};
  CHECK(opened.rules() == "device-setup");
}

TEST_CASE("a loop in the shell is held to the same") {
  LintedCase loop;
  loop.test.framework = "gtest";
  loop.test.function = "Queue.Drains";
  loop.evidence.test_id->value = "Queue.Drains";
  loop.test.fixture_kind = "gtest:TEST";
  loop.test.shape.reset();
  loop.shapes->clear();
  loop.stress = {"tests/drain_stress.sh",
                 "for ((i = 0; i < 50; i++)); do\n  timeout 60 q --gtest_filter=Queue.Drains || exit $?\ndone\n", true};
  loop.replace(of_script, "'tests/test_drain_stress.py'", "'tests/drain_stress.sh'");
  CHECK(loop.rules().empty());
  loop.replace(of_test, " --gtest_filter=Queue.Drains", " --gtest_color=no");
  CHECK(loop.rules() == "whole-suite");
  loop.replace(of_test, "|| exit $?", "|| true");
  CHECK(loop.rules() == "hidden-failure whole-suite");
  loop.stress.text = "q --gtest_filter=Queue.Drains # for ((\n";
  CHECK(loop.rules() == "no-amplification");
  loop.stress.text = "for ((;;)); do q --gtest_filter=Queue.Fills; done\n";
  CHECK(loop.rules() == "wrong-operation");
  loop.stress.text = "for ((;;)); do q --gtest_filter=Queue.*; done\n";
  REQUIRE(loop.rules() == "whole-suite");
  CHECK(loop.findings()[0].severity == Severity::warning);
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
