#include <algorithm>
#include <optional>
#include <utility>

#include "analyzer/evidence/text.hpp"
#include "analyzer/printed_text.hpp"
#include "analyzer/stress/lint_parts.hpp"
#include "analyzer/stress/shell_commands.hpp"

namespace ndr {
namespace {

constexpr std::string_view operation_limit = "TT_METAL_OPERATION_TIMEOUT_SECONDS";
constexpr double longest_limit_s = 300;

bool has_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return contains(text, part); });
}

class ScriptLinter {
public:
  ScriptLinter(const LintSources& sources, const CaseFile& script, std::vector<LintFinding>& findings)
      : sources_(sources), script_(script), findings_(findings), lines_(script_lines(script.text)) {
    whole_ = read_shell(lines_);
    test_ = test_command(whole_);
    if (test_ == whole_.commands.end()) return;
    command_ = line_at(test_->line);
    before_ = read_shell(lines_, test_->line);
  }

  void check() {
    if (!script_.is_executable) add("not-executable", 0, "is not executable", "chmod +x run_test.sh");
    const std::string_view interpreter = trim(before(before(script_.text, "\n"), " "));
    if (interpreter.starts_with("#!/") && !sources_.has_path(std::string{interpreter.substr(2)}))
      add("not-executable", 1, "is started by " + printable(interpreter.substr(2)) + ", which is not on this host",
          "#!/bin/bash");
    lint_environment(sources_, script_, lines_, command_ == nullptr ? 0 : command_->line, findings_);
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
  bool sets_limit(const std::string& name) const {
    const auto found = before_.variables.find(name);
    return found != before_.variables.end() && found->second.is_set && found->second.is_exported;
  }

  // What pytest is given by "--timeout=60", "--timeout 60", or by a variable of the script's.
  struct Limit {
    std::uint64_t line = 0;
    double seconds = 0;
  };
  std::optional<Limit> given_limit() const {
    for (const ScriptCommand& command : whole_.commands) {
      const auto& words = command.words;
      for (std::size_t i = 0; i < words.size(); ++i) {
        // An array may begin with it: options=(--timeout=60).
        const auto joined = after(words[i].text, "--timeout=");
        const bool apart = words[i].text == "--timeout" && i + 1 < words.size();
        const auto seconds = joined  ? leading_decimal(*joined)
                             : apart ? leading_decimal(words[i + 1].text)
                                     : std::nullopt;
        if (seconds) return Limit{command.line, *seconds};
      }
    }
    return std::nullopt;
  }
  // timeout(1) in front of something that runs.
  bool has_outer_limit() const {
    return std::any_of(whole_.commands.begin(), whole_.commands.end(), [](const ScriptCommand& command) {
      return std::any_of(command.words.begin(), command.words.end(),
                         [](const auto& w) { return w.text == "timeout"; }) &&
             !is_one_of(command.words.front().text, {"echo", "printf", "command"});
    });
  }

  void check_limits() {
    const Evidence& evidence = sources_.evidence;
    const bool needs =
        evidence.failure_type == FailureType::device_timeout || evidence.timeouts.count("operation_s") > 0;
    const bool sets = sets_limit(std::string{operation_limit}) || line_with("HANG_DETECTION") != nullptr;
    if (needs && !sets)
      add("missing-timeout", 0,
          "does not set " + std::string{operation_limit} + ": the device's own limit decides when it fails",
          "export " + std::string{operation_limit} + "=5, or what CI had");
    const auto limit = given_limit();
    if (!limit ? !has_outer_limit() && !gives_limit_by_options() : limit->seconds <= 0)
      add("missing-timeout",
          limit                 ? limit->line
          : command_ == nullptr ? 0
                                : command_->line,
          "a test that hangs would hang for ever", "give pytest --timeout=240, or put timeout 240 in front");
    if (!limit) return;
    if (limit->seconds > longest_limit_s)
      add("too-long", limit->line, "lets a test that hangs go on for " + decimal_text(limit->seconds) + " s",
          "at most 300", Severity::warning);
    // A limit of pytest's that ends the test before the device's own shows another failure.
    const auto own = evidence.timeouts.find("operation_s");
    if (own != evidence.timeouts.end() && limit->seconds > 0 && limit->seconds <= own->second.value)
      add("wrong-failure-type", limit->line,
          "ends the test before the device's own limit: CI saw a device timeout, this would be a test's",
          "make --timeout larger than the limit of an operation");
    const auto ci = evidence.timeouts.find("pytest_s");
    if (evidence.failure_type == FailureType::test_timeout && ci != evidence.timeouts.end() &&
        limit->seconds > ci->second.value)
      add("wrong-failure-type", limit->line, "allows more than CI's limit, which is what failed",
          "give CI's --timeout");
  }
  // A loop in tests/ has its own.
  bool gives_limit_by_options() const {
    return std::any_of(sources_.tests.begin(), sources_.tests.end(), [](const CaseFile& file) {
      const auto lines = script_lines(file.text);
      return file.path.ends_with(".sh") &&
             std::any_of(lines.begin(), lines.end(), [](const ScriptLine& l) { return has_word(l.text, "timeout"); });
    });
  }

  void check_command() {
    const std::string& text = command_->text;
    const bool is_pytest = has_word(text, "pytest") || contains(text, "py.test");
    if (is_pytest && !has_flag('x') && !stops_by_name())
      add("no-stop-at-first", command_->line, "goes on after the first failure, on a device in a bad state", "add -x");
    if (is_pytest && !has_flag('v') && !contains(script_code(), "--verbose"))
      add("not-verbose", command_->line, "does not name the running test", "add -v", Severity::warning);
    check_workers();
    check_scope(is_pytest);
    check_options();
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
    const bool piped = test_ != whole_.commands.end() && test_->ends_with == "|";
    if (piped && !has_any(script_code(), {"PIPESTATUS", "pipefail"}))
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
    if (!is_pytest) return;
    check_named_test();
    if (contains(command_->text, "_stress") || contains(command_->text, "::")) return;
    const bool own = has_any(command_->text, {"$SCRIPT_DIR", "tests/"}) && contains(command_->text, "stress");
    if (!own)
      add("whole-suite", command_->line, "runs more than the failing operation",
          "run tests/test_NAME_stress.py, which holds the failing operation alone");
  }

  // What makes a failure look like a success, or runs no test at all.
  void check_options() {
    for (const ScriptCommand& command : whole_.commands) {
      for (const ShellWord& word : command.words) {
        const std::string_view text = word.text;
        if (word.is_quoted || is_one_of(command.words.front().text, {"echo", "printf"})) continue;
        if (is_one_of(text, {"--collect-only", "--co", "--setup-only", "--setup-plan", "--fixtures", "--help-all"}))
          add("no-test-command", command.line, "runs no test because of " + printable(text), "leave it out");
        if (text.starts_with("--reruns") || is_one_of(text, {"--force-flaky", "--runxfail-off", "--lf", "--sw"}))
          add("hidden-failure", command.line, "hides a failure by " + printable(text), "leave it out");
      }
    }
    const bool knows_place = has_any(script_code(), {"BASH_SOURCE", "dirname", "$0"});
    if (!knows_place && !starts_by_absolute_path())
      add("directory", command_->line, "finds its test from its own folder alone",
          "begin with: SCRIPT_DIR=\"$(cd \"$(dirname \"${BASH_SOURCE[0]}\")\" && pwd)\"", Severity::warning);
  }
  bool starts_by_absolute_path() const {
    return std::any_of(lines_.begin(), lines_.end(),
                       [](const auto& l) { return l.text.starts_with("cd /") || contains(l.text, "pytest /"); });
  }

  // tests/NAME.py of the case's own.
  void check_named_test() {
    for (const ShellWord& word : test_->words) {
      const std::string_view path = before(word.text, "::");
      if (!path.ends_with(".py") || !contains(path, "stress")) continue;
      const bool is_there = std::any_of(sources_.tests.begin(), sources_.tests.end(),
                                        [&](const CaseFile& file) { return file_name(file.path) == file_name(path); });
      if (!is_there && !sources_.has_path(std::string{path}))
        add("no-stress-test", command_->line, "runs " + printable(file_name(path)) + ", which is not in tests/",
            "is the name right?");
    }
  }

  void check_exit_status() {
    if (command_ == nullptr || test_ == whole_.commands.end()) return;
    const auto& commands = whole_.commands;
    const auto after_test = test_ + 1;
    const std::string& end = test_->ends_with;
    const auto lost = [&](std::uint64_t line, const std::string& why) {
      add("exit-status", line, why, "right behind the test command: status=$?; at the end: exit \"$status\"");
    };
    if (end == "||" && after_test != commands.end() &&
        is_one_of(after_test->words[0].text, {"true", ":", "echo", "printf"}))
      return lost(test_->line, "takes a failure for a success: || " + after_test->words[0].text);
    const bool waits = std::any_of(after_test, commands.end(), [](const ScriptCommand& c) {
      return is_one_of(c.words[0].text, {"wait"}) || (c.words.size() > 1 && c.words[1].text == "wait");
    });
    if (end == "&" && !waits) return lost(test_->line, "does not wait for the test, and knows no status of it");
    if (after_test == commands.end()) return;
    check_exits(after_test);
    const bool simple = end == ";" && !is_one_of(test_->words[0].text, {"if", "!", "while", "until"});
    const auto keeps = std::find_if(after_test, commands.end(), [](const ScriptCommand& command) {
      return std::any_of(command.words.begin(), command.words.end(), [](const auto& word) { return word.has_status; });
    });
    if (simple && keeps != commands.end() && keeps != after_test)
      lost(keeps->line, "keeps the status of the command in front of it, not the test's");
  }
  // "exit $status" keeps it, "exit 1" tells at least that it failed.
  void check_exits(std::vector<ScriptCommand>::const_iterator after_test) {
    bool fails = false;
    for (auto command = after_test; command != whole_.commands.end(); ++command) {
      const auto exit =
          std::find_if(command->words.begin(), command->words.end(), [](const auto& w) { return w.text == "exit"; });
      if (exit == command->words.end() || exit + 1 == command->words.end()) continue;
      if (!(exit + 1)->has_value) return;
      fails = fails || (exit + 1)->text != "0";
    }
    add("exit-status", whole_.commands.back().line, "ends with another status than the test's",
        "right behind the test command: status=$?; at the end: exit \"$status\"",
        fails ? Severity::warning : Severity::error);
  }
  const ScriptLine* line_at(std::uint64_t number) const {
    const auto found = std::find_if(lines_.begin(), lines_.end(), [&](const auto& l) { return l.line == number; });
    return found == lines_.end() ? nullptr : &*found;
  }

  const LintSources& sources_;
  const CaseFile& script_;
  std::vector<LintFinding>& findings_;
  std::vector<ScriptLine> lines_;
  const ScriptLine* command_ = nullptr;  // the line that starts the tests
  ShellScript before_;                   // up to it
  ShellScript whole_;
  std::vector<ScriptCommand>::const_iterator test_;  // the command of that line
};

}  // namespace

void lint_script(const LintSources& sources, const CaseFile& script, std::vector<LintFinding>& findings) {
  ScriptLinter{sources, script, findings}.check();
}

}  // namespace ndr
