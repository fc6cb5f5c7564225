// What lint reads of a script that anybody may have written: within its lines, and no value grows without a bound.
#include <string_view>

#include "analyzer/assert.hpp"
#include "analyzer/stress/lint.hpp"
#include "analyzer/stress/shell_commands.hpp"
#include "tests/fuzz/fuzz.hpp"

void ndr::fuzz_one(std::string_view input) {
  const auto lines = script_lines(input);
  const ShellScript script = read_shell(lines);
  const std::uint64_t last = lines.empty() ? 0 : lines.back().line;
  for (const ScriptCommand& command : script.commands)
    NDR_ASSERT(!command.words.empty() && command.line >= 1 && command.line <= last);
  for (const auto& [name, variable] : script.variables)
    NDR_ASSERT(!variable.value || variable.value->size() <= input.size() + 4096);
  const auto test = test_command(script);
  is_in_loop(script, test);

  Evidence evidence;
  evidence.is_failure = true;
  evidence.failure_type = FailureType::device_timeout;
  evidence.timeouts["operation_s"] = {5, {}};
  const TestFacts facts;
  const std::vector<PlannedVariable> variables{{"ARCH_NAME", "wormhole_b0", VariableFate::exported, "ci.log:1", ""}};
  const CaseFile file{"run_test.sh", std::string{input}, true};
  const CaseFile loop{"tests/x_stress.sh", std::string{input}, true};
  const auto has_path = [](const std::string&) { return false; };
  const auto findings = lint({file, {loop}, file, true, evidence, facts, variables, {}, {}, false, has_path});
  for (const LintFinding& finding : findings)
    NDR_ASSERT(finding.line <= last && !finding.rule.empty() && !finding.remedy.empty());
}
