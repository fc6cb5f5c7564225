#include "analyzer/stress/lint.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "analyzer/evidence/text.hpp"
#include "analyzer/stress/lint_parts.hpp"

namespace ndr {
namespace {

constexpr double longest_run_s = 300;

void check_readme(const LintSources& sources, std::vector<LintFinding>& findings) {
  if (!sources.readme)
    findings.push_back({"no-readme", Severity::warning, "README.md", 0, "is missing", "ndreprod generate CASE"});
  else if (!contains(sources.readme->text, "run_test.sh"))
    findings.push_back(
        {"no-readme", Severity::warning, "README.md", 0, "does not say how to run it", "name ./run_test.sh"});
  if (!sources.has_run_log)
    findings.push_back({"no-run-log", Severity::note, "logs", 0, "hold no run yet", "ndreproctl run CASE -f"});
}

}  // namespace

std::string_view to_text(Severity severity) {
  return severity == Severity::error ? "error" : severity == Severity::warning ? "warning" : "note";
}

const std::vector<LintRule>& lint_rules() {
  static const std::vector<LintRule> rules{
      {"no-run-script", "there is a run_test.sh"},
      {"not-filled-in", "run_test.sh is no skeleton"},
      {"line-ends", "run_test.sh has the line ends of Unix"},
      {"not-executable", "run_test.sh and the loops that it starts are executable, their interpreter is here"},
      {"syntax", "bash -n and Python take the files"},
      {"shellcheck", "shellcheck has nothing to say"},
      {"no-stress-test", "tests/ holds a stress test"},
      {"no-test-command", "run_test.sh starts it"},
      {"missing-environment", "every variable of CI is set and exported"},
      {"wrong-environment", "the variables have CI's values"},
      {"missing-timeout", "the device's and the test's limits are set"},
      {"missing-path", "no path is used that this host lacks"},
      {"secret", "no secret is set, and no mask of one"},
      {"loader-variable", "nothing that loads or runs code is set without an approval"},
      {"wrong-failure-type", "the limits let CI's type of failure show"},
      {"no-amplification", "the operation is repeated"},
      {"wrong-operation", "the test holds the operation that failed"},
      {"hidden-failure", "nothing skips the test, swallows its failure or runs it until it passes"},
      {"no-stop-at-first", "the first failure ends the run"},
      {"not-verbose", "the running test is named"},
      {"auto-workers", "workers are a number, and do not fight for the board"},
      {"set-e", "no set -e around the test command"},
      {"pipe", "no pipe around the test command"},
      {"exit-status", "the script's status is the test's"},
      {"device-setup", "the device is set up as in the original"},
      {"whole-suite", "only the failing operation runs"},
      {"directory", "it can be run from any directory"},
      {"too-long", "a run ends within five minutes"},
      {"no-readme", "README.md says how to run it"},
      {"new-file", "no generated file waits beside one that was edited"},
      {"no-run-log", "a run's output is kept"},
      {"no-contract", "the parameters can be tuned"},
      {"not-compared", "the logs, the job and the original can be read, so that the files are compared with them"},
  };
  return rules;
}

void sort_findings(std::vector<LintFinding>& findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const LintFinding& a, const LintFinding& b) {
    return std::tie(a.severity, a.file, a.line) < std::tie(b.severity, b.file, b.line);
  });
}

std::vector<LintFinding> lint(const LintSources& sources) {
  std::vector<LintFinding> findings;
  if (!sources.run_script)
    findings.push_back({"no-run-script", Severity::error, "run_test.sh", 0, "is missing", "ndreprod generate CASE"});
  else if (contains(sources.run_script->text, "run_test.sh: not filled in yet: "))
    findings.push_back({"not-filled-in", Severity::error, sources.run_script->path, 0, "is the skeleton of `case new`",
                        "ndreproctl case generate CASE, or fill it in"});
  else if (contains(sources.run_script->text, "\r\n"))
    findings.push_back({"line-ends", Severity::error, sources.run_script->path, 1,
                        "has line ends of CR LF, which bash takes for part of each command",
                        "sed -i 's/\\r$//' run_test.sh"});
  else
    lint_script(sources, *sources.run_script, findings);
  lint_tests(sources, longest_run_s, findings);
  check_readme(sources, findings);
  sort_findings(findings);
  // A thousand findings of one kind say no more than twenty.
  constexpr int most_of_a_kind = 20;
  std::map<std::pair<std::string, std::string>, int> counts;
  std::erase_if(findings, [&](const LintFinding& f) { return ++counts[{f.rule, f.file}] > most_of_a_kind; });
  return findings;
}

}  // namespace ndr
