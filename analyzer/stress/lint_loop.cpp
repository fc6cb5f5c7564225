#include <algorithm>
#include <utility>

#include "analyzer/evidence/text.hpp"
#include "analyzer/printed_text.hpp"
#include "analyzer/stress/lint_parts.hpp"

namespace ndr {
namespace {

bool has_option(const ScriptCommand& command, std::string_view option) {
  return std::any_of(command.words.begin(), command.words.end(),
                     [&](const ShellWord& word) { return word.text.starts_with(option); });
}

// "for ((...))", "while ...", "for x in ..." of many or computed words; none that only reads arguments.
bool repeats(const ScriptCommand& command) {
  const auto& words = command.words;
  if (is_one_of(words[0].text, {"while", "until"}))
    return std::none_of(words.begin(), words.end(), [](const ShellWord& word) { return word.text == "-gt"; });
  if (is_one_of(words[0].text, {"xargs", "parallel"})) return true;
  if (words[0].text != "for") return false;
  const bool names_words = words.size() > 2 && words[2].text == "in";
  const bool few = words.size() < 3 + fewest_repeats && std::all_of(words.begin(), words.end(), [](const ShellWord& w) {
                     return w.has_value && !contains(w.text, "{");
                   });
  return !names_words || !few;
}

// Which test the Google Test program is told to run.
void check_filter(const LintSources& sources, const Starter& starter, const CaseFile& file,
                  const ScriptCommand& command, std::vector<LintFinding>& findings) {
  const std::string& wanted = sources.evidence.test_id ? sources.evidence.test_id->value : sources.test.function;
  const auto option = std::find_if(command.words.begin(), command.words.end(),
                                   [](const ShellWord& word) { return word.text.starts_with("--gtest_filter="); });
  if (option == command.words.end() || wanted.empty()) return;
  std::string given = option->text.substr(std::string_view{"--gtest_filter="}.size());
  if (!option->has_value) {  // "$NDREPRO_FILTER", which run_test.sh sets
    const auto& variables = starter.script.variables;
    const auto filter = variables.find("NDREPRO_FILTER");
    if (filter == variables.end() || !filter->second.value) return;
    given = *filter->second.value;
  }
  if (given == wanted) return;
  const bool wide = contains(given, "*") || contains(given, ":");
  add_finding(findings, wide ? "whole-suite" : "wrong-operation", file.path, command.line,
              "runs " + printable(given) + "; what failed is " + printable(wanted),
              "--gtest_filter=" + printable(wanted),
              wide && given.size() > 1 && wanted.starts_with(before(given, "*")) ? Severity::warning : Severity::error);
}

}  // namespace

void add_finding(std::vector<LintFinding>& findings, const std::string& rule, const std::string& file,
                 std::uint64_t line, std::string text, std::string remedy, Severity severity) {
  findings.push_back({rule, severity, file, line, std::move(text), std::move(remedy)});
}

bool holds_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return contains(text, part); });
}

Starter starter_of(const LintSources& sources) {
  Starter starter;
  if (!sources.run_script) return starter;
  starter.script = read_shell(script_lines(sources.run_script->text));
  const auto test = test_command(starter.script);
  if (test == starter.script.commands.end()) return starter;
  starter.repeats =
      has_option(*test, "--gtest_repeat") || has_option(*test, "--count") || is_in_loop(starter.script, test);
  starter.is_own_loop = has_option(*test, "--gtest_");
  return starter;
}

void lint_loop(const LintSources& sources, const Starter& starter, const CaseFile& test,
               std::vector<LintFinding>& findings) {
  const auto lines = script_lines(test.text);
  const auto commands = read_shell(lines).commands;
  const bool loops = std::any_of(commands.begin(), commands.end(), [](const ScriptCommand& command) {
    return repeats(command) || has_option(command, "--gtest_repeat");
  });
  if (!loops && !starter.repeats)
    add_finding(findings, "no-amplification", test.path, 0, "runs the operation once",
                "for ((ran = 0; ran < NDREPRO_ITERATIONS; ran++)); do ...; done");
  for (const ScriptLine& line : lines) {
    const bool runs = holds_any(line.text, {"--gtest_", "\"$@\"", "[@]}", "mpirun", "srun ", "python"}) ||
                      line.text.starts_with("[ \"$status\"");
    if (runs && holds_any(line.text, {"|| true", "|| :", "|| echo"}))
      add_finding(findings, "hidden-failure", test.path, line.line, "takes a failure for a success",
                  "[ \"$status\" -eq 0 ] || exit \"$status\"");
  }
  for (const ScriptCommand& command : commands) {
    if (has_option(command, "--gtest_list_tests")) continue;
    if (has_option(command, "--gtest_") && !has_option(command, "--gtest_filter"))
      add_finding(findings, "whole-suite", test.path, command.line, "runs more than the failing test",
                  "--gtest_filter=" + sources.test.function);
    else
      check_filter(sources, starter, test, command, findings);
  }
  const bool is_started = std::any_of(starter.script.commands.begin(), starter.script.commands.end(),
                                      [&](const auto& c) { return c.words[0].text.ends_with(file_name(test.path)); });
  if (!test.is_executable && is_started)
    add_finding(findings, "not-executable", test.path, 0, "is not executable", "chmod +x " + test.path);
}

}  // namespace ndr
