#pragma once
#include <vector>

#include "analyzer/stress/lint.hpp"
#include "analyzer/stress/script_lines.hpp"
#include "analyzer/stress/shell_commands.hpp"

namespace ndr {

/// Fewer turns than that amplify nothing.
inline constexpr std::uint64_t fewest_repeats = 10;

void add_finding(std::vector<LintFinding>& findings, const std::string& rule, const std::string& file,
                 std::uint64_t line, std::string text, std::string remedy, Severity severity = Severity::error);

/// Whether the text holds one of the parts.
bool holds_any(std::string_view text, std::initializer_list<std::string_view> parts);

/// The rules of lint() that speak of run_test.sh.
void lint_script(const LintSources& sources, const CaseFile& script, std::vector<LintFinding>& findings);

/// Those that speak of the variables which it sets before the line `command` (0: before its end).
void lint_environment(const LintSources& sources, const CaseFile& script, const std::vector<ScriptLine>& lines,
                      std::uint64_t command, std::vector<LintFinding>& findings);

/// What run_test.sh says of the tests that it starts, read once.
struct Starter {
  ShellScript script;
  bool repeats = false;      // it starts them in a loop, or by an option
  bool is_own_loop = false;  // of a Google Test program, which needs no file in tests/
};
Starter starter_of(const LintSources& sources);

/// Those that speak of a loop in the shell: of tests/, or run_test.sh itself.
void lint_loop(const LintSources& sources, const Starter& starter, const CaseFile& loop,
               std::vector<LintFinding>& findings);

/// Those that speak of the stress test itself; `longest_s` is how long a run may take.
void lint_tests(const LintSources& sources, double longest_s, std::vector<LintFinding>& findings);

}  // namespace ndr
