// Failures that the step's script did not mind, and those that look so.
#include <string>
#include <vector>

#include "analyzer/evidence/extract.hpp"
#include "tests/support/catch.hpp"

namespace {

std::string session(const std::string& file, bool fails) {
  const std::string test = "tests/" + file + ".py::test_x";
  std::string text = "============= test session starts =============\ncollected 1 item\n" + test;
  if (!fails) return text + " PASSED [100%]\n====== 1 passed in 0.1s ======\n";
  text += " FAILED [100%]\n=========== FAILURES ===========\n____ test_x ____\n>   f()\nE   RuntimeError: of " + file;
  text += "\n\ntests/" + file + ".py:3: RuntimeError\n=== short test summary info ===\nFAILED " + test;
  return text + " - RuntimeError: of " + file + "\n====== 1 failed in 0.1s ======\n";
}

ndr::Evidence evidence_of_step(const std::vector<std::string>& script, const std::string& output) {
  std::string log = "##[group]Run " + script.front() + "\n";
  for (const std::string& line : script)
    log += "\x1b[36;1m" + line + "\x1b[0m\n";
  log += "shell: bash -e {0}\n##[endgroup]\n" + output + "##[error]Process completed with exit code 1.\n";
  return ndr::extract_evidence("job.log", log);
}

std::string failed(const std::vector<std::string>& script, const std::string& output) {
  const ndr::Evidence evidence = evidence_of_step(script, output);
  return (evidence.test_id ? evidence.test_id->value : "none") + " by " +
         (evidence.command ? evidence.command->value : "none");
}

}  // namespace

TEST_CASE("a failure that the script forgives is not the one that ended it") {
  const std::string both = session("a", true) + session("b", true);
  const std::string second = "tests/b.py::test_x by pytest tests/b.py";
  CHECK(failed({"pytest tests/a.py || true", "pytest tests/b.py"}, both) == second);
  CHECK(failed({"pytest tests/a.py 2>&1 | tee a.log || true", "pytest tests/b.py"}, both) == second);
  CHECK(failed({"pytest tests/a.py && pytest tests/c.py || true", "pytest tests/b.py"}, both) == second);
  CHECK(failed({"set -x", "run_all"}, session("a", true) + "+ true\n+ pytest tests/b.py\n" + session("b", true)) ==
        second);
}

TEST_CASE("what only looks forgiven still counts") {
  const std::string first = "tests/a.py::test_x by pytest tests/a.py";
  CHECK(failed({"pytest tests/a.py || echo failed && exit 1"}, session("a", true)) == first);
  CHECK(failed({"if [ $X ]; then pytest tests/c.py || true; else pytest tests/a.py; fi"}, session("a", true)) == first);
  CHECK(failed({"pytest tests/a.py"}, session("a", true) + "+ rc=1\n+ docker rm x\n+ true\n+ exit 1\n") == first);
  CHECK(failed({"pytest tests/a.py", "pytest tests/b.py || true"}, session("a", true)) == first);
}
