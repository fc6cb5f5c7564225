#include "analyzer/stress/shell_commands.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t'; }

using Values = std::map<std::string, ShellVariable>;

// A script may double a value on each line, and nest defaults without an end.
constexpr std::size_t longest_value = 4096;
constexpr int deepest_default = 10;

// Cuts one line into commands and words; what is known of variables fills in for them.
class LineReader {
public:
  LineReader(const ScriptLine& line, const Values& known, int depth = 0)
      : line_(line), rest_(line.text), known_(known), depth_(depth) {}

  std::vector<ScriptCommand> read() {
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (is_space(c)) {
        end_word();
        rest_.remove_prefix(1);
      } else if (rest_.starts_with("&&") || rest_.starts_with("||")) {
        end_command(rest_.substr(0, 2));
      } else if (rest_.starts_with("&>") || (c == '&' && !plain_.empty() && plain_.back() == '>')) {
        take(1);  // a redirection
      } else if (c == ';' || c == '|' || c == '&' || c == '(' || c == ')') {
        end_command(rest_.substr(0, 1));
      } else {
        read_part();
      }
    }
    end_command("");
    return std::move(commands_);
  }

private:
  void end_word() {
    if (in_word_) command_.words.push_back(std::exchange(word_, {}));
    in_word_ = false;
    plain_.clear();
  }
  void end_command(std::string_view separator) {
    end_word();
    // A "(" or ")" groups: to what follows it is a command's end like any other.
    command_.ends_with = separator.empty() || separator == "(" || separator == ")" ? ";" : std::string{separator};
    command_.line = line_.line;
    if (!command_.words.empty())
      commands_.push_back(std::exchange(command_, {}));
    else if (separator != "(" && !commands_.empty() && commands_.back().ends_with == ";" && !separator.empty())
      commands_.back().ends_with = std::string{separator};
    rest_.remove_prefix(separator.size());
  }
  void take(std::size_t count) {
    in_word_ = true;
    plain_.append(rest_.substr(0, count));
    word_.text.append(rest_.substr(0, count));
    rest_.remove_prefix(count);
  }

  void read_part() {
    const char c = rest_.front();
    if (c == '\'') {
      rest_.remove_prefix(1);
      word_.is_quoted = true;
      const auto end = std::min(rest_.find('\''), rest_.size());
      take(end);
      end_quote();
    } else if (c == '"') {
      rest_.remove_prefix(1);
      word_.is_quoted = true;
      in_word_ = true;
      while (!rest_.empty() && rest_.front() != '"')
        read_character(true);
      end_quote();
    } else {
      read_character(false);
    }
  }

  // What goes on to the next line is not read.
  void end_quote() {
    if (rest_.empty()) word_.has_value = false;
    rest_.remove_prefix(std::min<std::size_t>(1, rest_.size()));
  }

  // $'...' with its own escapes.
  void skip_escaped_quote() {
    word_.has_value = false;
    word_.is_quoted = true;
    rest_.remove_prefix(1);
    while (!rest_.empty() && rest_.front() != '\'')
      rest_.remove_prefix(rest_.front() == '\\' && rest_.size() > 1 ? 2 : 1);
    end_quote();
  }

  void read_character(bool in_quotes) {
    const char c = rest_.front();
    if (c == '\\' && rest_.size() > 1) {
      rest_.remove_prefix(1);
      take(1);
    } else if (c == '$' && rest_.size() > 1 && rest_[1] == '\'' && !in_quotes) {
      rest_.remove_prefix(1);
      in_word_ = true;
      skip_escaped_quote();
    } else if (c == '$' && rest_.size() > 1 && (is_word(rest_[1]) || contains("({?@*#!$-", rest_.substr(1, 1)))) {
      read_expansion();
    } else if (c == '`') {
      word_.has_value = false;
      in_word_ = true;
      rest_.remove_prefix(1);
      rest_.remove_prefix(std::min(rest_.size(), std::min(rest_.find('`'), rest_.size()) + 1));
    } else {
      take(1);
    }
  }

  // The part between brackets, which may hold brackets; the whole rest where they are not closed.
  std::string_view in_brackets(char open, char close) const {
    int depth = 0;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      depth += (rest_[i] == open) - (rest_[i] == close);
      if (depth == 0) return rest_.substr(0, i + 1);
    }
    return rest_;
  }

  void read_expansion() {
    in_word_ = true;
    rest_.remove_prefix(1);
    if (rest_.front() == '(') {
      rest_.remove_prefix(in_brackets('(', ')').size());
      word_.has_value = false;
      return;
    }
    if (rest_.front() == '{') {
      const std::string_view whole = in_brackets('{', '}');
      std::string_view inner = whole.substr(1, whole.ends_with('}') ? whole.size() - 2 : whole.size() - 1);
      rest_.remove_prefix(whole.size());
      std::size_t length = 0;
      while (length < inner.size() && is_word(inner[length]))
        ++length;
      put_value(std::string{inner.substr(0, length)}, inner.substr(length));
      return;
    }
    std::size_t length = 0;
    while (length < rest_.size() && is_word(rest_[length]))
      ++length;
    const std::string name{rest_.substr(0, std::max<std::size_t>(length, 1))};
    rest_.remove_prefix(name.size());
    put_value(name, "");
  }

  void put_value(const std::string& name, std::string_view operation) {
    word_.has_status = word_.has_status || name == "?" || name == "PIPESTATUS";
    const auto found = known_.find(name);
    const bool is_known = found != known_.end() && found->second.is_set && found->second.value;
    const bool fits = is_known && word_.text.size() + found->second.value->size() <= longest_value;
    if (fits && (operation.empty() || operation.starts_with(":-") || operation.starts_with("-"))) {
      word_.text += *found->second.value;
      return;
    }
    for (const std::string_view mark : {":-", ":=", "-", "="}) {
      if (!operation.starts_with(mark) || found != known_.end() || depth_ >= deepest_default) continue;
      const ScriptLine standard{line_.line, std::string{operation.substr(mark.size())}};
      const auto words = LineReader{standard, known_, depth_ + 1}.read();
      if (words.size() == 1 && words[0].words.size() == 1 && words[0].words[0].has_value) {
        word_.text += words[0].words[0].text;
        if (mark.ends_with('=')) word_.sets = {name, words[0].words[0].text};
        return;
      }
      if (words.empty()) return;
    }
    word_.has_value = false;
    word_.unknown.push_back(name);
  }

  const ScriptLine& line_;
  std::string_view rest_;
  const Values& known_;
  int depth_;  // of defaults within defaults
  std::vector<ScriptCommand> commands_;
  ScriptCommand command_;
  ShellWord word_;
  std::string plain_;  // of the word what is not quoted
  bool in_word_ = false;
};

// "NAME=VALUE" and "NAME+=VALUE"; no value of the latter.
struct Assigned {
  std::string name;
  std::optional<std::string> value;
};

std::optional<Assigned> assigned_by(const ShellWord& word) {
  const auto equals = word.text.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  std::string name = word.text.substr(0, equals);
  const bool appends = name.ends_with('+');
  if (appends) name.pop_back();
  if (!is_variable_name(name)) return std::nullopt;
  if (appends || !word.has_value) return Assigned{std::move(name), std::nullopt};
  return Assigned{std::move(name), word.text.substr(equals + 1)};
}

// Of the case's own: run_test.sh starts it, or reads it in.
bool is_stress_loop(std::string_view file) { return file.ends_with("_stress.sh"); }

class ShellReader {
public:
  ShellScript read(const std::vector<ScriptLine>& lines, std::uint64_t until) {
    for (const ScriptLine& line : lines) {
      const bool is_last = until > 0 && line.line >= until;
      for (ScriptCommand& command : LineReader{line, script_.variables}.read()) {
        run(command, is_last);
        script_.commands.push_back(std::move(command));
      }
      if (is_last) break;
    }
    return std::move(script_);
  }

private:
  void assign(const Assigned& assigned, std::uint64_t line, bool exported) {
    ShellVariable& variable = script_.variables[assigned.name];
    const bool was_exported = variable.is_exported && variable.is_set;
    variable = {line, assigned.value, exported || was_exported || exports_all_, true};
  }
  void export_all() {
    for (auto& [name, variable] : script_.variables)
      variable.is_exported = variable.is_set;
  }
  void unset(const std::string& name, std::uint64_t line) { script_.variables[name] = {line, {}, false, false}; }

  void run(const ScriptCommand& command, bool is_last) {
    for (const ShellWord& word : command.words) {
      if (word.sets) assign({word.sets->first, word.sets->second}, command.line, false);
    }
    std::size_t at = 0;
    while (at < command.words.size() &&
           is_one_of(command.words[at].text, {"if", "then", "do", "else", "{", "!", "time"}))
      ++at;
    const std::size_t first = at;
    while (at < command.words.size() && assigned_by(command.words[at]))
      ++at;
    const bool is_prefix = at < command.words.size();
    for (std::size_t i = first; i < at; ++i) {
      // "NAME=VALUE command" sets it for that command alone.
      if (!is_prefix || is_last) assign(*assigned_by(command.words[i]), command.line, is_prefix);
    }
    if (!is_prefix) return;
    const std::string& name = command.words[at].text;
    const std::vector<ShellWord> arguments(command.words.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                                           command.words.end());
    if (is_one_of(name, {"export", "declare", "typeset", "readonly", "local"}))
      declare(name, arguments, command.line);
    else if (name == "or_mock" && !arguments.empty())
      assign({arguments[0].text, std::nullopt}, command.line, true);
    else if (name == "unset")
      for (const ShellWord& word : arguments)
        unset(word.text, command.line);
    else if (name == "set")
      for (std::size_t i = 0; i < arguments.size(); ++i)
        exports_all_ = exports_all_ || arguments[i].text == "-a" || arguments[i].text == "allexport";
    else if (is_one_of(name, {"source", "."}) && !script_.sources && !arguments.empty() &&
             !contains(arguments[0].text, "activate") && !arguments[0].text.empty() &&
             !is_stress_loop(arguments[0].text))
      script_.sources = command.line;
    const auto env = std::find_if(command.words.begin(), command.words.end(),
                                  [](const ShellWord& word) { return word.text == "env" && !word.is_quoted; });
    if (is_last && env != command.words.end()) run_env({env + 1, command.words.end()}, command.line);
  }

  void declare(const std::string& name, const std::vector<ShellWord>& arguments, std::uint64_t line) {
    bool exports = name == "export";
    bool takes_back = false;
    for (const ShellWord& word : arguments) {
      if (word.text.empty() && !word.unknown.empty() && exports) {
        export_all();  // "${VARIABLES[@]}"
      } else if (word.text.starts_with('+') && contains(word.text, "x")) {
        takes_back = true;
      } else if (word.text.starts_with('-') && !word.is_quoted) {
        exports = exports || contains(word.text, "x");
        takes_back = takes_back || contains(word.text, "n");
      } else if (const auto assigned = assigned_by(word)) {
        assign(*assigned, line, exports);
      } else if (script_.variables.count(word.text) > 0) {
        ShellVariable& variable = script_.variables[word.text];
        variable.is_exported = (variable.is_exported || exports) && !takes_back;
        if (takes_back) variable.line = line;
      }
    }
  }

  void run_env(const std::vector<ShellWord>& arguments, std::uint64_t line) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const std::string& text = arguments[i].text;
      if (text == "-i" || text == "-" || text == "--ignore-environment") {
        for (auto& [name, variable] : script_.variables)
          variable = {line, {}, false, false};
      } else if (text == "-u" && i + 1 < arguments.size()) {
        unset(arguments[++i].text, line);
      } else if (text.starts_with("--unset=")) {
        unset(text.substr(8), line);
      } else if (text.empty() && !arguments[i].unknown.empty()) {
        export_all();
      } else if (const auto assigned = assigned_by(arguments[i])) {
        assign(*assigned, line, true);
      } else {
        return;
      }
    }
  }

  ShellScript script_;
  bool exports_all_ = false;
};

}  // namespace

ShellScript read_shell(const std::vector<ScriptLine>& lines, std::uint64_t until) {
  return ShellReader{}.read(lines, until);
}

namespace {

bool is_pytest_name(std::string_view word) {
  return word == "pytest" || word.ends_with("/pytest") || word.ends_with("py.test");
}

// What may stand in front of a command: assignments, options and numbers of `timeout 60`, `env -u X`, `nice -n 5`.
bool is_prefix(const ShellWord& word) {
  return word.text.starts_with('-') || (!word.text.empty() && is_digit(word.text[0])) ||
         assigned_by(word).has_value() || word.text.empty() ||
         is_one_of(word.text, {"if",     "then",  "do",    "else",    "{",      "!",        "time",    "exec",
                               "env",    "nice",  "sudo",  "timeout", "stdbuf", "taskset",  "numactl", "xvfb-run",
                               "setsid", "while", "until", "bash",    "sh",     "catchsegv"});
}

bool starts_tests(const ScriptCommand& command) {
  const auto& words = command.words;
  const auto first = std::find_if_not(words.begin(), words.end(), is_prefix);
  const bool only_talks =
      first != words.end() && is_one_of(first->text, {"echo", "printf", "usage_error", "has_module", "grep"});
  const bool only_asks = std::any_of(words.begin(), words.end(), [](const ShellWord& word) {
    return is_one_of(word.text, {"--version", "--help", "--gtest_list_tests"});
  });
  if (only_talks || only_asks) return false;
  for (auto word = words.begin(); word != words.end(); ++word) {
    const std::string_view text = word->text;
    const bool by_module = word != words.begin() && (word - 1)->text == "-m";
    if (is_pytest_name(text) && (by_module || word == first)) return true;
    // PYTEST="python3 -m pytest"; $PYTEST ...
    if (word == first && !word->is_quoted && (contains(text, "-m pytest") || text.ends_with(" pytest"))) return true;
    const bool is_read = word == first && is_one_of(text, {".", "source"}) && word + 1 != words.end();
    if (is_read && is_stress_loop((word + 1)->text)) return true;
    if (word == first && text.ends_with(".sh") && (is_stress_loop(text) || contains(text, "tests/"))) return true;
    if (text.starts_with("--gtest_")) return true;
  }
  return false;
}

}  // namespace

std::vector<ScriptCommand>::const_iterator test_command(const ShellScript& script) {
  return std::find_if(script.commands.begin(), script.commands.end(), starts_tests);
}

bool is_in_braces(const ShellScript& script, std::vector<ScriptCommand>::const_iterator command) {
  int depth = 0;
  for (auto one = script.commands.begin(); one != script.commands.end(); ++one) {
    depth -= static_cast<int>(one->words.front().text == "}");
    depth += static_cast<int>(
        std::any_of(one->words.begin(), one->words.end(), [](const auto& w) { return w.text == "{" && !w.is_quoted; }));
    if (one == command) break;
  }
  return depth > 0;
}

bool is_in_loop(const ShellScript& script, std::vector<ScriptCommand>::const_iterator command) {
  int depth = 0;
  for (auto one = script.commands.begin(); one != command && one != script.commands.end(); ++one) {
    const std::string& word = one->words.front().text;
    depth += static_cast<int>(is_one_of(word, {"for", "while", "until"})) - static_cast<int>(word == "done");
  }
  return depth > 0;
}

}  // namespace ndr
