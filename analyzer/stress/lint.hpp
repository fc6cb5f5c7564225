#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/job/test_facts.hpp"
#include "analyzer/stress/environment.hpp"

namespace ndr {

/// error: it would not reproduce the failure, or would say something wrong · warning: it may · note: worth knowing.
enum class Severity { error, warning, note };
std::string_view to_text(Severity severity);

/// One thing that is wrong with a case's files.
struct LintFinding {
  std::string rule;  // its id, stable
  Severity severity = Severity::error;
  std::string file;        // relative to the case
  std::uint64_t line = 0;  // 0: the file as a whole
  std::string text;
  std::string remedy;
};

/// A rule that is checked.
struct LintRule {
  std::string_view id;
  std::string_view text;
};
/// All rules: the manual procedure's checklists and its common mistakes.
const std::vector<LintRule>& lint_rules();

/// A file of the case; `problem` is what a compiler or shell says of it (`LINE: message`), empty for nothing.
struct CaseFile {
  std::string path;
  std::string text;
  bool is_executable = false;
};

/// The case as it is on disk, and what is known of the failure. Written by whom does not matter.
struct LintSources {
  std::optional<CaseFile> run_script;
  std::vector<CaseFile> tests;  // of tests/, conftest.py too
  std::optional<CaseFile> readme;
  bool has_run_log = false;  // logs/run_N.log
  const Evidence& evidence;
  const TestFacts& test;  // empty file: not known
  const std::vector<PlannedVariable>& variables;
  std::vector<std::string> approved;             // of case.yaml
  std::optional<std::vector<TestShape>> shapes;  // of the tests in Python; none: there was no Python to read them
  bool is_in_checkout = false;                   // so that pytest finds the checkout's conftest.py by itself
  std::function<bool(const std::string& path)> has_path;
};

/// What is wrong, errors first, then by file and line; of a rule and file at most twenty. Pure; what bash, Python and
/// shellcheck say is added by the caller.
std::vector<LintFinding> lint(const LintSources& sources);

/// In the order that lint() promises.
void sort_findings(std::vector<LintFinding>& findings);

}  // namespace ndr
