#pragma once
#include <vector>

#include "analyzer/stress/lint.hpp"
#include "analyzer/stress/script_lines.hpp"

namespace ndr {

/// The rules of lint() that speak of run_test.sh.
void lint_script(const LintSources& sources, const CaseFile& script, std::vector<LintFinding>& findings);

/// Those that speak of the variables which it sets before the line `command` (0: before its end).
void lint_environment(const LintSources& sources, const CaseFile& script, const std::vector<ScriptLine>& lines,
                      std::uint64_t command, std::vector<LintFinding>& findings);

/// Those that speak of the stress test itself; `longest_s` is how long a run may take.
void lint_tests(const LintSources& sources, double longest_s, std::vector<LintFinding>& findings);

}  // namespace ndr
