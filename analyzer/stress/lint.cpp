#include "analyzer/stress/lint.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>

#include "analyzer/evidence/text.hpp"
#include "analyzer/stress/lint_test.hpp"
#include "analyzer/stress/script_lines.hpp"

namespace ndr {
namespace {

constexpr std::string_view operation_limit = "TT_METAL_OPERATION_TIMEOUT_SECONDS";
constexpr double longest_run_s = 300;

bool has_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return contains(text, part); });
}

// A line that runs the tests, and not one that looks for pytest or talks about it.
bool runs_pytest(std::string_view line) {
  if (!has_word(line, "pytest") && !contains(line, "py.test")) return false;
  return !has_any(line, {"command -v", "has_module", "find_spec", "echo ", "which ", "usage_error", "import "});
}

// What starts the tests of the script: pytest, a stress loop, a gtest binary.
bool runs_tests_line(std::string_view line) {
  return runs_pytest(line) || contains(line, "_stress.sh") || contains(line, "--gtest_");
}

class ScriptLinter {
public:
  ScriptLinter(const LintSources& sources, const CaseFile& script, std::vector<LintFinding>& findings)
      : sources_(sources), script_(script), findings_(findings), lines_(script_lines(script.text)) {
    const auto found =
        std::find_if(lines_.begin(), lines_.end(), [](const auto& l) { return runs_tests_line(l.text); });
    if (found != lines_.end()) command_ = &*found;
  }

  void check() {
    if (!script_.is_executable) add("not-executable", 0, "is not executable", "chmod +x run_test.sh");
    check_environment();
    check_limits();
    if (command_ == nullptr)
      add("no-test-command", 0, "starts no test", "run pytest, or tests/NAME_stress.sh");
    else
      check_command();
    check_exit_status();
    if (!contains(script_.text, "# ndrepro-contract: 1"))
      add("no-contract", 0, "takes no --iterations, --workers, --timeout, --seed, --filter",
          "add the options and the line `# ndrepro-contract: 1`; see README", Severity::note);
  }

private:
  void add(const char* rule, std::uint64_t line, std::string text, std::string remedy,
           Severity severity = Severity::error) {
    findings_.push_back({rule, severity, script_.path, line, std::move(text), std::move(remedy)});
  }
  const ScriptLine* line_with(std::string_view part) const {
    const auto found =
        std::find_if(lines_.begin(), lines_.end(), [&](const auto& l) { return contains(l.text, part); });
    return found == lines_.end() ? nullptr : &*found;
  }
  // The line that gives the variable a value; null where none does.
  const ScriptLine* setting_of(const std::string& name) const {
    const auto found = std::find_if(lines_.begin(), lines_.end(), [&](const ScriptLine& l) {
      return has_word(l.text, "or_mock " + name) || has_assignment(l.text, name);
    });
    return found == lines_.end() ? nullptr : &*found;
  }
  static bool has_assignment(std::string_view text, const std::string& name) {
    const std::string wanted = name + "=";
    for (auto at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + 1)) {
      if (at == 0 || std::string_view{" \t;("}.find(text[at - 1]) != std::string_view::npos) return true;
    }
    return false;
  }

  // What loads or runs code, and was set by whoever wrote the script: CI need not have had it.
  void check_loader(const ScriptLine& line) {
    constexpr std::array<std::string_view, 6> harmful{"LD_PRELOAD",     "LD_AUDIT",      "PYTEST_ADDOPTS",
                                                      "PYTEST_PLUGINS", "PYTHONSTARTUP", "BASH_ENV"};
    for (const std::string_view word : split(line.text, ' ')) {
      const std::string name{before(word, "=")};
      const bool acts = name.size() < word.size() && std::find(harmful.begin(), harmful.end(), name) != harmful.end();
      const auto& approved = sources_.approved;
      const bool planned = std::any_of(sources_.variables.begin(), sources_.variables.end(),
                                       [&](const PlannedVariable& v) { return v.name == name; });
      if (acts && !planned && std::find(approved.begin(), approved.end(), name) == approved.end())
        add("loader-variable", line.line, "sets " + name + ": code is loaded or run because of it",
            "leave it out, or approve it: ndreproctl case approve-env CASE " + name);
    }
  }

  // What case.yaml says the daemon gives to its runs; the script alone lacks it.
  void check_missing(const PlannedVariable& variable) {
    const bool own = variable.place == "case.yaml";
    add("missing-environment", 0,
        "does not set " + variable.name + (own ? ", which case.yaml has" : ", which CI had (" + variable.place + ")"),
        "export " + variable.name + "=...", own ? Severity::warning : Severity::error);
  }

  void check_environment() {
    for (const PlannedVariable& variable : sources_.variables) {
      const bool wanted = variable.fate == VariableFate::exported || variable.fate == VariableFate::mocked;
      const ScriptLine* set = setting_of(variable.name);
      if (wanted && set == nullptr) check_missing(variable);
      if (variable.fate == VariableFate::quarantined && set != nullptr)
        add("loader-variable", set->line, "sets " + variable.name + ": " + variable.reason,
            "leave it out, or approve it: ndreproctl case approve-env CASE " + variable.name);
      if (variable.fate == VariableFate::mocked && set != nullptr && !contains(set->text, "or_mock") &&
          contains(set->text, variable.value) && !sources_.has_path(variable.value))
        add("missing-path", set->line, "uses " + variable.value + ", which is not on this host",
            "mock it: an empty folder, or leave it out", Severity::warning);
    }
    for (const ScriptLine& line : lines_) {
      check_loader(line);
      if (contains(line.text, "=***") || contains(line.text, "='***'") || contains(line.text, "=\"***\""))
        add("secret", line.line, "sets a variable to what CI shows in place of a secret", "leave it out");
    }
  }

  // "--timeout=60", "--timeout 60", "--timeout=$NDREPRO_TIMEOUT" with its default.
  std::optional<double> given_limit(std::string_view text) const {
    std::string_view value = after(text, "--timeout").value_or("");
    value.remove_prefix(std::min(value.find_first_not_of("= "), value.size()));
    if (!value.starts_with("$") && !value.starts_with("\"$")) return leading_decimal(value);
    const auto standard = after(script_.text, "NDREPRO_TIMEOUT:-");
    return standard && contains(value, "TIMEOUT") ? leading_decimal(*standard) : std::nullopt;
  }

  void check_limits() {
    const Evidence& evidence = sources_.evidence;
    const bool needs =
        evidence.failure_type == FailureType::device_timeout || evidence.timeouts.count("operation_s") > 0;
    const bool sets = setting_of(std::string{operation_limit}) != nullptr || line_with("HANG_DETECTION") != nullptr;
    if (needs && !sets)
      add("missing-timeout", 0,
          "does not set " + std::string{operation_limit} + ": the device's own limit decides when it fails",
          "export " + std::string{operation_limit} + "=5, or what CI had");
    const auto gives =
        std::find_if(lines_.begin(), lines_.end(), [&](const auto& l) { return given_limit(l.text).has_value(); });
    const ScriptLine* timeout = gives == lines_.end() ? nullptr : &*gives;
    const bool limits = timeout != nullptr || line_with("timeout ") != nullptr;
    if (!limits)
      add("missing-timeout", command_ == nullptr ? 0 : command_->line, "a test that hangs would hang for ever",
          "give pytest --timeout=240, or put timeout 240 in front");
    // A limit of pytest's that ends the test before the device's own shows another failure.
    const auto own = evidence.timeouts.find("operation_s");
    const auto seconds = timeout == nullptr ? std::nullopt : given_limit(timeout->text);
    if (seconds && own != evidence.timeouts.end() && *seconds <= own->second.value)
      add("wrong-failure-type", timeout->line,
          "ends the test before the device's own limit: CI saw a device timeout, this would be a test's",
          "make --timeout larger than the limit of an operation");
    if (seconds && evidence.failure_type == FailureType::test_timeout) {
      const auto limit = evidence.timeouts.find("pytest_s");
      if (limit != evidence.timeouts.end() && *seconds > limit->second.value)
        add("wrong-failure-type", timeout->line, "allows more than CI's limit, which is what failed",
            "give CI's --timeout");
    }
  }

  void check_command() {
    const std::string& text = command_->text;
    const bool is_pytest = runs_pytest(text);
    if (is_pytest && !has_flag('x') && !stops_by_name())
      add("no-stop-at-first", command_->line, "goes on after the first failure, on a device in a bad state", "add -x");
    if (is_pytest && !has_flag('v') && !contains(script_code(), "--verbose"))
      add("not-verbose", command_->line, "does not name the running test", "add -v", Severity::warning);
    check_workers();
    check_scope(is_pytest);
    for (const ScriptLine& line : lines_) {
      if (line.line > command_->line) break;
      const bool on = sets_errexit(line.text);
      if (on && !is_switched_off(line.line) && !contains(text, "||"))
        add("set-e", line.line, "ends the script at the test's failure, before its status is told", "leave set -e out");
    }
    const auto interpreter_options = after(before(script_.text, "\n"), " ");
    if (script_.text.starts_with("#!") && interpreter_options &&
        sets_errexit("set " + std::string{*interpreter_options}))
      add("set-e", 1, "ends the script at the test's failure, before its status is told", "leave -e out");
    if (has_pipe(text) && !has_any(script_code(), {"PIPESTATUS", "pipefail"}))
      add("pipe", command_->line, "the exit status is that of the pipe's last command, not the test's",
          "leave the pipe out: the daemon keeps the output in logs/run_N.log");
  }
  // "set -e", "set -ue", "set -o errexit", also behind another command.
  static bool sets_errexit(std::string_view text) {
    const auto options = text.starts_with("set ") ? std::optional{text.substr(4)} : after(text, "; set ");
    if (!options) return false;
    if (contains(*options, "-o errexit")) return true;
    const auto words = split(*options, ' ');
    return std::any_of(words.begin(), words.end(), [](std::string_view word) {
      return word.size() > 1 && word[0] == '-' && word[1] != '-' && contains(word, "e");
    });
  }
  // One bar outside of quotes that is no "||".
  static bool has_pipe(std::string_view text) {
    char quote = '\0';
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (quote != '\0')
        quote = c == quote ? '\0' : quote;
      else if (c == '\'' || c == '"')
        quote = c;
      else if (c == '|' && i + 1 < text.size() && text[i + 1] == '|')
        ++i;
      else if (c == '|')
        return true;
    }
    return false;
  }
  bool stops_by_name() const {
    const std::string code = script_code();
    return has_word(code, "--maxfail=1") || has_word(code, "--maxfail 1") || has_word(code, "--exitfirst");
  }
  // A short option of pytest's in the script, alone or among others: -x, -vx.
  bool has_flag(char flag) const {
    const std::string code = script_code();
    for (std::string_view rest = code; !rest.empty();) {
      const auto at = rest.find_first_of(" (\n");
      const std::string_view word = rest.substr(0, at);
      const bool is_short = word.size() > 1 && word.size() < 6 && word[0] == '-' &&
                            word.find_first_not_of("xvsqlr", 1) == std::string_view::npos;
      if (is_short && word.find(flag) != std::string_view::npos) return true;
      rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
    }
    return false;
  }
  bool is_switched_off(std::uint64_t from) const {
    return std::any_of(lines_.begin(), lines_.end(), [&](const ScriptLine& line) {
      return line.line > from && line.line < command_->line && line.text.starts_with("set +e");
    });
  }
  std::string script_code() const {
    std::string code;
    for (const ScriptLine& line : lines_)
      code.append(line.text).append("\n");
    return code;
  }

  void check_workers() {
    const ScriptLine* line = nullptr;
    for (const ScriptLine& one : lines_) {
      if (has_any(one.text, {"-n auto", "-nauto", "-n=auto", "--numprocesses=auto", "--numprocesses auto"}))
        line = &one;
    }
    if (line == nullptr) return;
    const std::string& kind = sources_.test.fixture_kind;
    const bool per_test = contains(kind, "device") && !contains(kind, "scope");
    add("auto-workers", line->line,
        per_test ? "-n auto with a device for each test: the workers fight for the board"
                 : "-n auto is 1 inside tt-metal and every core elsewhere",
        "give a number, and one board to each worker", per_test ? Severity::error : Severity::warning);
  }

  // A path of pytest's that is neither a test of the case's own nor one test of a file.
  void check_scope(bool is_pytest) {
    if (!is_pytest || contains(command_->text, "_stress") || contains(command_->text, "::")) return;
    const bool own = has_any(command_->text, {"$SCRIPT_DIR", "tests/"}) && contains(command_->text, "stress");
    if (!own)
      add("whole-suite", command_->line, "runs more than the failing operation",
          "run tests/test_NAME_stress.py, which holds the failing operation alone");
  }

  void check_exit_status() {
    if (command_ == nullptr || lines_.empty() || command_ == &lines_.back()) return;
    const bool kept = std::any_of(lines_.begin(), lines_.end(), [&](const ScriptLine& line) {
      return line.line >= command_->line && line.text.starts_with("exit ") && contains(line.text, "$");
    });
    if (!kept)
      add("exit-status", lines_.back().line, "ends with another status than the test's", "end with: exit $TEST_RESULT");
  }

  const LintSources& sources_;
  const CaseFile& script_;
  std::vector<LintFinding>& findings_;
  std::vector<ScriptLine> lines_;
  const ScriptLine* command_ = nullptr;
};

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
      {"not-executable", "run_test.sh is executable"},
      {"syntax", "bash -n and Python take the files"},
      {"shellcheck", "shellcheck has nothing to say"},
      {"no-stress-test", "tests/ holds a stress test"},
      {"no-test-command", "run_test.sh starts it"},
      {"missing-environment", "every variable of CI is set"},
      {"missing-timeout", "the device's and the test's limits are set"},
      {"missing-path", "no path is used that this host lacks"},
      {"secret", "no masked secret is set"},
      {"loader-variable", "nothing that loads or runs code is set without an approval"},
      {"wrong-failure-type", "the limits let CI's type of failure show"},
      {"no-amplification", "the operation is repeated"},
      {"no-stop-at-first", "the first failure ends the run"},
      {"not-verbose", "the running test is named"},
      {"auto-workers", "workers are a number, and do not fight for the board"},
      {"set-e", "no set -e around the test command"},
      {"pipe", "no pipe around the test command"},
      {"exit-status", "the script's status is the test's"},
      {"device-setup", "the device is set up as in the original"},
      {"whole-suite", "only the failing operation runs"},
      {"too-long", "a run ends within five minutes"},
      {"no-readme", "README.md says how to run it"},
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
  if (sources.run_script)
    ScriptLinter{sources, *sources.run_script, findings}.check();
  else
    findings.push_back({"no-run-script", Severity::error, "run_test.sh", 0, "is missing", "ndreprod generate CASE"});
  lint_tests(sources, longest_run_s, findings);
  check_readme(sources, findings);
  sort_findings(findings);
  return findings;
}

}  // namespace ndr
