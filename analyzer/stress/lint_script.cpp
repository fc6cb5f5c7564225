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

class ScriptLinter {
public:
  ScriptLinter(const LintSources& sources, const CaseFile& script, std::vector<LintFinding>& findings)
      : sources_(sources), script_(script), findings_(findings), lines_(script_lines(script.text)) {
    whole_ = read_shell(lines_);
    test_ = test_command(whole_);
    if (test_ == whole_.commands.end()) test_ = command_of_ci();
    before_ = whole_;
    if (test_ == whole_.commands.end()) return;
    command_ = line_at(test_->line);
    // A function is called further down, when all is set.
    in_function_ = is_in_braces(whole_, test_);
    if (!in_function_) before_ = read_shell(lines_, test_->line);
    for (const ShellWord& word : test_->words)
      take_words(word);
    // options=(-x -v): what stands in the brackets reads like a command
    bool is_array = false;
    for (std::size_t i = 1; i < whole_.commands.size(); ++i) {
      is_array = is_array || whole_.commands[i - 1].words.back().text.ends_with('=');
      is_array = is_array && whole_.commands[i].words.front().text.starts_with('-');
      if (!is_array || !whole_.commands[i].words.front().text.starts_with('-')) continue;
      for (const ShellWord& word : whole_.commands[i].words)
        take_words(word);
    }
  }

  void check() {
    if (!script_.is_executable) add("not-executable", 0, "is not executable", "chmod +x run_test.sh");
    const std::string_view interpreter = trim(before(before(script_.text, "\n"), " "));
    if (interpreter.starts_with("#!/") && !sources_.has_path(std::string{interpreter.substr(2)}))
      add("not-executable", 1, "is started by " + printable(interpreter.substr(2)) + ", which is not on this host",
          "#!/bin/bash");
    lint_environment(sources_, script_, lines_, command_ == nullptr || in_function_ ? 0 : command_->line, findings_);
    check_limits();
    if (command_ == nullptr)
      add("no-test-command", 0, "starts no test that can be told", "run pytest, or tests/NAME_stress.sh",
          contains(script_code(), "pytest") ? Severity::warning : Severity::error);
    else
      check_command();
    check_exit_status();
    if (!contains(script_.text, "# ndrepro-contract: 1"))
      add("no-contract", 0, "takes no --iterations, --workers, --timeout, --seed, --filter",
          "add the options and the line `# ndrepro-contract: 1`; see README", Severity::note);
  }

private:
  void take_words(const ShellWord& word) {
    if (word.is_quoted) words_.push_back(word.text);
    if (word.is_quoted && !contains(word.text, " -")) return;
    for (const std::string_view part : split(word.text, ' ')) {
      if (!part.empty()) words_.emplace_back(part);
    }
  }
  bool has_argument(std::string_view argument) const {
    return std::find(words_.begin(), words_.end(), argument) != words_.end();
  }
  // CI's own command in a loop, of an original that is neither pytest's nor Google Test's.
  std::vector<ScriptCommand>::const_iterator command_of_ci() const {
    const std::string ci = sources_.evidence.command ? sources_.evidence.command->value : std::string{};
    return std::find_if(whole_.commands.begin(), whole_.commands.end(), [&](const ScriptCommand& command) {
      return std::any_of(command.words.begin(), command.words.end(), [&](const ShellWord& word) {
        return word.text.size() > 4 && contains(word.text, "/") && contains(ci, word.text);
      });
    });
  }
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

  // What pytest is given by "--timeout=60", "--timeout 60", `-o timeout=60`; no seconds: a variable that is not known.
  struct Limit {
    std::uint64_t line = 0;
    std::optional<double> seconds;
  };
  std::optional<Limit> given_limit() const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const auto joined = after(words_[i], "--timeout=");
      const bool by_option = i > 0 && words_[i - 1] == "-o" && words_[i].starts_with("timeout=");
      const bool apart = words_[i] == "--timeout" && i + 1 < words_.size();
      if (joined) return Limit{command_->line, leading_decimal(*joined)};
      if (by_option) return Limit{command_->line, leading_decimal(std::string_view{words_[i]}.substr(8))};
      if (apart) return Limit{command_->line, leading_decimal(words_[i + 1])};
    }
    const bool marked = std::any_of(sources_.tests.begin(), sources_.tests.end(),
                                    [](const CaseFile& file) { return contains(file.text, "mark.timeout("); });
    return marked ? std::optional{Limit{command_->line, std::nullopt}} : std::nullopt;
  }
  // timeout(1) in front of the test: "timeout -k 5 60 pytest", "timeout 5m pytest".
  std::optional<Limit> outer_limit() const {
    for (std::size_t i = 0; i < words_.size(); ++i) {
      if (words_[i] != "timeout") continue;
      std::optional<double> seconds;
      for (std::size_t j = i + 1; j < words_.size(); ++j) {
        if (words_[j] == "-k" || words_[j] == "-s") ++j;
        if (j >= words_.size() || words_[j].starts_with("-")) continue;
        seconds = leading_decimal(words_[j]);
        if (seconds && words_[j].ends_with("m")) *seconds *= 60;
        if (seconds && words_[j].ends_with("h")) *seconds *= 3600;
        break;
      }
      return Limit{command_->line, seconds};
    }
    return std::nullopt;
  }

  void check_limits() {
    const Evidence& evidence = sources_.evidence;
    const bool needs =
        evidence.failure_type == FailureType::device_timeout || evidence.timeouts.count("operation_s") > 0;
    const bool sets = sets_limit(std::string{operation_limit}) || line_with("HANG_DETECTION") != nullptr;
    const bool is_planned = std::any_of(sources_.variables.begin(), sources_.variables.end(),
                                        [](const PlannedVariable& v) { return v.name == operation_limit; });
    if (needs && !sets && !is_planned)  // else it is a missing variable like any other
      add("missing-timeout", 0,
          "does not set " + std::string{operation_limit} + ": the device's own limit decides when it fails",
          "export " + std::string{operation_limit} + "=5, or what CI had",
          whole_.sources ? Severity::warning : Severity::error);
    if (command_ == nullptr) return;
    const auto inner = given_limit();
    const auto outer = outer_limit();
    if (has_argument("no:timeout") || (inner && inner->seconds && *inner->seconds <= 0) ||
        (outer && outer->seconds && *outer->seconds <= 0) || (!inner && !outer && !loop_has_limit()))
      add("missing-timeout", command_->line, "a test that hangs would hang for ever",
          "give pytest --timeout=240, or put timeout 240 in front",
          has_argument("-c") && !inner && !outer ? Severity::warning : Severity::error);
    for (const auto& limit : {inner, outer}) {
      if (limit && limit->seconds && *limit->seconds > 0) check_seconds(*limit->seconds, limit->line);
    }
  }
  void check_seconds(double seconds, std::uint64_t line) {
    const Evidence& evidence = sources_.evidence;
    if (seconds > longest_limit_s)
      add("too-long", line, "lets a test that hangs go on for " + decimal_text(seconds) + " s", "at most 300",
          Severity::warning);
    // A limit that ends the test before the device's own shows another failure.
    const auto own = evidence.timeouts.find("operation_s");
    if (own != evidence.timeouts.end() && seconds <= own->second.value)
      add("wrong-failure-type", line,
          "ends the test before the device's own limit: CI saw a device timeout, this would be a test's",
          "make it larger than the limit of an operation");
    const auto ci = evidence.timeouts.find("pytest_s");
    if (evidence.failure_type == FailureType::test_timeout && ci != evidence.timeouts.end() &&
        seconds > ci->second.value)
      add("wrong-failure-type", line, "allows more than CI's limit, which is what failed", "give CI's --timeout");
  }
  // A loop in tests/ has its own.
  bool loop_has_limit() const {
    return std::any_of(sources_.tests.begin(), sources_.tests.end(), [](const CaseFile& file) {
      if (!file.path.ends_with(".sh")) return false;
      const auto loop = read_shell(script_lines(file.text));
      return std::any_of(loop.commands.begin(), loop.commands.end(), [](const ScriptCommand& command) {
        return !is_one_of(command.words[0].text, {"echo", "command"}) &&
               std::any_of(command.words.begin(), command.words.end(),
                           [](const auto& w) { return w.text == "timeout"; });
      });
    });
  }

  void check_command() {
    const std::string& text = command_->text;
    const bool is_pytest = has_word(text, "pytest") || contains(text, "py.test") || has_argument("pytest");
    const bool stops = has_flag('x') || has_argument("--maxfail=1") || has_argument("--exitfirst") ||
                       (has_argument("--maxfail") && has_argument("1"));
    if (is_pytest && !stops)
      add("no-stop-at-first", command_->line, "goes on after the first failure, on a device in a bad state", "add -x",
          has_argument("-c") ? Severity::warning : Severity::error);
    if (is_pytest && !has_flag('v') && !has_argument("--verbose"))
      add("not-verbose", command_->line, "does not name the running test", "add -v", Severity::warning);
    check_workers();
    if (is_pytest) check_paths();
    check_options();
    check_errexit();
    const bool piped = test_ != whole_.commands.end() && test_->ends_with == "|";
    if (piped && !holds_any(script_code(), {"PIPESTATUS", "pipefail"}))
      add("pipe", command_->line, "the exit status is that of the pipe's last command, not the test's",
          "leave the pipe out: the daemon keeps the output in logs/run_N.log");
  }
  // "set -e", "set -ue", "set -o errexit" that still holds where the test starts, and has something to end behind it.
  void check_errexit() {
    const bool is_last = test_ + 1 == whole_.commands.end();
    if (is_last || test_->ends_with == "||") return;
    const std::string_view interpreter = before(script_.text, "\n");
    std::uint64_t on =
        interpreter.starts_with("#!") && (interpreter.ends_with(" -e") || contains(interpreter, " -e ")) ? 1 : 0;
    for (auto command = whole_.commands.begin(); command != test_; ++command) {
      if (command->words[0].text != "set") continue;
      for (const ShellWord& word : command->words) {
        const bool short_e = word.text.size() > 1 && word.text[1] != '-' && contains(word.text, "e");
        if ((word.text.starts_with('-') && short_e) || word.text == "errexit") on = command->line;
        if (word.text.starts_with('+') && short_e) on = 0;
      }
    }
    if (on > 0)
      add("set-e", on, "ends the script at the test's failure, before its status is told", "leave set -e out");
  }
  // A short option of pytest's, alone or among others: -x, -vx; "-rx" reports, and stops nothing.
  bool has_flag(char flag) const {
    return std::any_of(words_.begin(), words_.end(), [&](const std::string& word) {
      if (word.size() < 2 || word[0] != '-' || word[1] == '-') return false;
      const auto letters = std::string_view{word}.substr(1);
      return letters.substr(0, letters.find_first_of("rkmnpcoW")).find(flag) != std::string_view::npos;
    });
  }
  std::string script_code() const {
    std::string code;
    for (const ScriptLine& line : lines_)
      code.append(line.text).append("\n");
    return code;
  }

  void check_workers() {
    bool is_auto = false;
    for (std::size_t i = 0; i < words_.size(); ++i) {
      const bool of_option = i > 0 && is_one_of(words_[i - 1], {"-n", "--numprocesses"});
      is_auto =
          is_auto || (of_option && is_one_of(words_[i], {"auto", "logical"})) ||
          is_one_of(words_[i], {"-nauto", "-n=auto", "-nlogical", "--numprocesses=auto", "--numprocesses=logical"});
    }
    if (!is_auto) return;
    const std::string& kind = sources_.test.fixture_kind;
    const bool per_test = contains(kind, "device") && !contains(kind, "scope");
    add("auto-workers", command_->line,
        per_test ? "-n auto with a device for each test: the workers fight for the board"
                 : "-n auto is 1 inside tt-metal and every core elsewhere",
        "give a number, and one board to each worker", per_test ? Severity::error : Severity::warning);
  }

  // Each path of pytest's: a test of the case's own, or one test of a file; no option and no option's value.
  void check_paths() {
    const auto& words = test_->words;
    const auto begin = std::find_if(words.begin(), words.end(), [](const ShellWord& w) {
      return contains(w.text, "pytest") || contains(w.text, "py.test");
    });
    for (auto word = begin; word != words.end(); ++word) {
      const bool is_value =
          word != words.begin() && is_one_of((word - 1)->text, {"-k", "-m", "-c", "-n", "-p", "-o", "--rootdir",
                                                                "--timeout", "--maxfail", "--count"});
      const bool is_redirected =
          contains(word->text, ">") || contains(word->text, "<") ||
          (word != words.begin() && ((word - 1)->text.ends_with(">") || (word - 1)->text.ends_with("<")));
      if (word == begin || is_value || is_redirected || word->text.starts_with("-") || contains(word->text, "="))
        continue;
      check_path(*word);
    }
  }
  void check_path(const ShellWord& word) {
    const std::string_view path = before(word.text, "::");
    const bool is_file = path.ends_with(".py");
    if (path.size() < word.text.size() || path.empty() || (!is_file && !contains(path, "/"))) return;
    const bool own = std::any_of(sources_.tests.begin(), sources_.tests.end(),
                                 [&](const CaseFile& file) { return file_name(file.path) == file_name(path); });
    const bool in_checkout = std::any_of(word.unknown.begin(), word.unknown.end(), [](const std::string& name) {
      return is_one_of(name, {"REPOSITORY", "TT_METAL_HOME", "GITHUB_WORKSPACE"});
    });
    const bool in_case = !word.unknown.empty() && !in_checkout;
    const bool is_own_folder = !is_file && (in_case || is_one_of(path, {"./tests", "tests/", "./"}));
    if (own || is_own_folder) return;
    if (is_file && contains(path, "stress"))
      add("no-stress-test", command_->line, "runs " + printable(file_name(path)) + ", which is not in tests/",
          "is the name right?");
    else if (!in_case)
      add("whole-suite", command_->line, "runs more than the failing operation: " + printable(path),
          "run tests/test_NAME_stress.py, which holds the failing operation alone");
  }

  // What makes a failure look like a success, or runs no test at all.
  void check_options() {
    for (const ScriptCommand& command : whole_.commands) {
      for (const ShellWord& word : command.words) {
        const std::string_view text = word.text;
        if (word.is_quoted || is_one_of(command.words.front().text, {"echo", "printf"})) continue;
        if (is_one_of(text, {"--collect-only", "--co", "--setup-only", "--setup-plan", "--fixtures"}))
          add("no-test-command", command.line, "runs no test because of " + printable(text), "leave it out");
        if (text.starts_with("--reruns") ||
            is_one_of(text, {"--force-flaky", "--lf", "--last-failed", "--sw", "--stepwise"}))
          add("hidden-failure", command.line, "hides a failure by " + printable(text), "leave it out");
      }
    }
    const bool knows_place = holds_any(script_code(), {"BASH_SOURCE", "dirname", "$0"});
    if (!knows_place && !starts_by_absolute_path())
      add("directory", command_->line, "finds its test from its own folder alone",
          "begin with: SCRIPT_DIR=\"$(cd \"$(dirname \"${BASH_SOURCE[0]}\")\" && pwd)\"", Severity::warning);
  }
  bool starts_by_absolute_path() const {
    return std::any_of(lines_.begin(), lines_.end(),
                       [](const auto& l) { return l.text.starts_with("cd /") || contains(l.text, "pytest /"); });
  }

  void check_exit_status() {
    if (command_ == nullptr || test_ == whole_.commands.end()) return;
    const auto& commands = whole_.commands;
    const auto after_test = test_ + 1;
    const std::string& end = test_->ends_with;
    const auto lost = [&](std::uint64_t line, const std::string& why) {
      add("exit-status", line, why, "right behind the test command: status=$?; at the end: exit \"$status\"");
    };
    if (end == "||" && after_test != commands.end() && is_forgiven(after_test))
      return lost(test_->line, "takes a failure for a success: || " + printable(after_test->words[0].text));
    if (test_->words[0].text == "!") return lost(test_->line, "turns the test's status round");
    const bool waits = std::any_of(after_test, commands.end(), [](const ScriptCommand& c) {
      return is_one_of(c.words[0].text, {"wait"}) || (c.words.size() > 1 && c.words[1].text == "wait");
    });
    if (end == "&" && !waits) return lost(test_->line, "does not wait for the test, and knows no status of it");
    const std::string& last = commands.back().words[0].text;
    if (in_function_ || after_test == commands.end()) return;
    if (!is_one_of(last, {"[", "test"})) check_exits(after_test);
    const bool simple = end == ";" && !is_one_of(test_->words[0].text, {"if", "!", "while", "until"});
    const auto next = std::find_if_not(after_test, commands.end(), [](const ScriptCommand& command) {
      return is_one_of(command.words[0].text, {"}", "fi", "done", "esac"});
    });
    const auto keeps = std::find_if(next, commands.end(), [](const ScriptCommand& command) {
      return std::any_of(command.words.begin(), command.words.end(), [](const auto& word) { return word.has_status; });
    });
    if (simple && keeps != commands.end() && keeps != next)
      lost(keeps->line, "keeps the status of the command in front of it, not the test's");
  }
  // "|| true", "|| echo failed", "|| { echo failed; }": the script goes on as if nothing had been.
  bool is_forgiven(std::vector<ScriptCommand>::const_iterator command) const {
    const std::string& word = command->words[0].text;
    if (is_one_of(word, {"true", "/bin/true", "/usr/bin/true", ":", "echo", "printf"})) return true;
    if (word != "{") return false;
    for (; command != whole_.commands.end() && command->words[0].text != "}"; ++command) {
      for (const ShellWord& one : command->words) {
        if (is_one_of(one.text, {"exit", "return"}) || one.has_status) return false;
      }
    }
    return true;
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
  std::vector<std::string> words_;                   // that it is started with, arrays of the script too
  bool in_function_ = false;
};

}  // namespace

void lint_script(const LintSources& sources, const CaseFile& script, std::vector<LintFinding>& findings) {
  ScriptLinter{sources, script, findings}.check();
}

}  // namespace ndr
