#include "analyzer/evidence/formats_command.hpp"

#include <algorithm>
#include <array>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

// Reads shell words: enough of POSIX quoting to find where words and commands end.
class ShellText {
public:
  explicit ShellText(std::string_view text) : text_(text) {}

  // The next word as written (quotes kept); empty at the end of the command.
  std::string_view next_word() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t'))
      ++at_;
    const std::size_t begin = at_;
    char quote = '\0';
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\\' && quote != '\'')
        ++at_;
      else if (quote != '\0')
        quote = c == quote ? '\0' : quote;
      else if (c == '\'' || c == '"')
        quote = c;
      else if (c == ' ' || c == '\t')
        break;
    }
    at_ = std::min(at_, text_.size());
    return text_.substr(begin, at_ - begin);
  }
  std::string_view rest() const { return trim(text_.substr(at_)); }

private:
  std::string_view text_;
  std::size_t at_ = 0;
};

struct Cut {
  std::size_t end = 0;
  std::size_t length = 0;  // of the operator
};

// Where the first of several commands on a line ends: at ; & && || or |, outside quotes and parentheses.
Cut first_cut(std::string_view line) {
  char quote = '\0';
  int depth = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\' && quote != '\'')
      ++i;
    else if (quote != '\0')
      quote = c == quote ? '\0' : quote;
    else if (c == '\'' || c == '"')
      quote = c;
    else if (c == '(' || c == '{')
      ++depth;
    else if (c == ')' || c == '}')
      --depth;
    else if (depth <= 0 && (c == ';' || c == '|'))
      return {i, line.substr(i).starts_with("||") ? 2u : 1u};
    else if (depth <= 0 && c == '&' && line.substr(i).starts_with("&&"))
      return {i, 2};
    else if (c == '#' && depth <= 0 && (i == 0 || line[i - 1] == ' '))
      return {i, line.size() - i};
  }
  return {line.size(), 0};
}

std::string unquoted(std::string_view word) {
  const bool quoted = word.size() >= 2 && (word.front() == '"' || word.front() == '\'') && word.back() == word.front();
  return std::string{quoted ? word.substr(1, word.size() - 2) : word};
}

std::optional<std::pair<std::string, std::string>> assignment(std::string_view word) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos || !is_variable_name(word.substr(0, equals))) return std::nullopt;
  return std::pair{std::string{word.substr(0, equals)}, unquoted(word.substr(equals + 1))};
}

// "20", "1.5h", "600s" in seconds.
std::optional<double> duration(std::string_view word) {
  const auto number = leading_decimal(word);
  if (!number) return std::nullopt;
  switch (word.back()) {
    case 'm':
      return *number * 60;
    case 'h':
      return *number * 3600;
    case 'd':
      return *number * 86400;
    default:
      return number;
  }
}

// After `timeout`: options (some with a value), then the limit.
void skip_timeout(ShellText& words, ShellCommand& command) {
  for (;;) {
    const std::string_view word = words.next_word();
    if (word.empty()) return;
    if (is_one_of(word, {"-k", "-s", "--kill-after", "--signal"})) words.next_word();
    if (word.starts_with('-') || is_one_of(word, {})) continue;
    command.limit_s = duration(unquoted(word));
    return;
  }
}

CommandKind kind_of_program(std::string_view program, std::string_view rest) {
  const std::string_view name = file_name(program);
  if (is_one_of(name, {"pytest", "py.test", "pytest-3"})) return CommandKind::pytest;
  if (name == "ctest") return CommandKind::ctest;
  if (name.starts_with("python")) {
    if (contains(rest, "-m pytest")) return CommandKind::pytest;
    const bool installs = contains(rest, "-m pip") || contains(rest, "-m venv") || rest.starts_with(".github/") ||
                          rest.starts_with("-c") || contains(rest, "setup.py");
    return installs || rest.empty() ? CommandKind::setup : CommandKind::program;
  }
  if (is_one_of(name, {"tt-run", "mpirun", "mpiexec", "prterun", "torchrun", "srun"})) {
    return contains(rest, "pytest") ? CommandKind::pytest : CommandKind::gtest;
  }
  const std::string lower = to_lower(program);
  if (name.ends_with(".sh"))
    return contains(lower, "test") || contains(lower, "demo") ? CommandKind::script : CommandKind::other;
  const bool path = program.find('/') != std::string_view::npos;
  if (path && contains(lower, "test") && name.find('.') == std::string_view::npos) return CommandKind::gtest;
  if (!path && name.starts_with("run_") && is_variable_name(name)) return CommandKind::script;
  if (path && program.starts_with("./") && !program.starts_with("./.")) return CommandKind::program;
  return CommandKind::setup;
}

// Words in front of a command that say nothing of what runs.
bool is_wrapper(std::string_view word) {
  return is_one_of(
      word, {"if",      "then", "else", "elif", "while",     "do",     "!",        "time", "sudo", "exec", "nice",
             "command", "env",  "{",    "(",    "catchsegv", "export", "unbuffer", "+",    "++",   "$"});
}

// Without redirections at the end ("2>&1", "> out.log").
std::string_view without_redirections(std::string_view text) {
  for (const std::string_view mark : {" 2>&1", " &> ", " &>", " 2>/dev/null", " > ", " >> "}) {
    text = before(text, mark);
  }
  return trim(text);
}

// bash -c "pytest x": what is inside the quotes.
std::optional<std::string> inner_script(std::string_view program, std::string_view rest) {
  if (!is_one_of(file_name(program), {"bash", "sh"})) return std::nullopt;
  ShellText words{rest};
  for (std::string_view word = words.next_word(); !word.empty(); word = words.next_word()) {
    if (word.starts_with('-') && word.ends_with('c')) return unquoted(words.next_word());
    if (!word.starts_with('-')) break;
  }
  return std::nullopt;
}

// Options of `docker run` and `exec` whose value is the next word.
constexpr std::string_view with_value =
    " "
    "-e --env -v --volume --device -w --workdir --name --network --net --shm-size -u --user --entrypoint "
    "--mount -p --cap-add --ulimit --group-add -h --hostname --tmpfs --memory -m --cpus --cpuset-cpus "
    "--env-file --ipc --pid --label -l --pull --platform --security-opt --publish --gpus --add-host "
    "--restart --runtime --cgroup-parent --log-driver --log-opt --volumes-from --dns --cidfile "
    "--memory-swap ";

// "docker run --rm -e A=b -v /x:/y IMAGE pytest x": takes the variables, and leaves `words` at the command. The entry
// point, empty where none is named; nothing where it is another command.
std::optional<std::string> skip_container(std::string_view program, ShellText& words, ShellCommand& command) {
  if (!is_one_of(file_name(program), {"docker", "podman", "nerdctl"})) return std::nullopt;
  const std::string_view action = words.next_word();
  if (action != "run" && action != "exec") return std::nullopt;
  std::string entry_point;
  for (std::string_view word = words.next_word(); word.starts_with('-'); word = words.next_word()) {
    const bool has_value = contains(with_value, " " + std::string{word} + " ");
    std::string_view value = has_value ? words.next_word() : std::string_view{};
    if (word == "--entrypoint") entry_point = unquoted(value);
    if (word.starts_with("--entrypoint=")) entry_point = unquoted(word.substr(13));
    if (word.starts_with("--env=")) value = word.substr(6);
    if (word != "-e" && word != "--env" && !word.starts_with("--env=")) continue;
    auto set = assignment(unquoted(value));
    if (set && command.assignments.size() < most_assignments) command.assignments.insert(std::move(*set));
  }
  return entry_point;  // the loop's last word was the image
}

void read_line(std::string_view line, const Origin& origin, std::vector<ShellCommand>& into);

// What runs within `outer`, with what stands before it.
void read_inner(std::string_view text, const ShellCommand& outer, std::vector<ShellCommand>& into) {
  constexpr std::size_t most_that_inherit = 50;  // bounds copies on hostile logs
  const std::size_t first = into.size();
  read_line(text, outer.origin, into);
  for (std::size_t i = first; i < std::min(into.size(), first + most_that_inherit); ++i) {
    for (const auto& [name, value] : outer.assignments)
      into[i].assignments.emplace(name, value);
    if (!into[i].limit_s) into[i].limit_s = outer.limit_s;
  }
}

void read_command(std::string_view text, const Origin& origin, std::vector<ShellCommand>& into) {
  ShellCommand command;
  command.origin = origin;
  ShellText words{text};
  for (;;) {
    const std::string_view rest = words.rest();
    const std::string_view word = words.next_word();
    if (word.empty()) break;
    if (is_wrapper(word)) continue;
    if (auto set = assignment(word)) {
      if (command.assignments.size() < most_assignments) command.assignments.insert(std::move(*set));
      continue;
    }
    if (word == "timeout") {
      skip_timeout(words, command);
      continue;
    }
    if (const auto inner = inner_script(word, words.rest())) return read_inner(*inner, command, into);
    ShellText inside = words;
    const auto entry_point = skip_container(word, inside, command);
    if (entry_point && !entry_point->empty()) {
      if (const auto inner = inner_script(*entry_point, inside.rest())) return read_inner(*inner, command, into);
      command.text = *entry_point;
      if (!inside.rest().empty()) command.text.append(" ").append(without_redirections(inside.rest()));
      command.kind = kind_of_program(*entry_point, inside.rest());
      break;
    }
    if (entry_point && !inside.rest().empty()) {
      words = inside;
      continue;
    }
    command.text = without_redirections(rest);
    command.kind = kind_of_program(unquoted(word), words.rest());
    break;
  }
  if (command.kind == CommandKind::ctest)
    command.limit_s = duration(option_value(command.text, "--timeout").value_or("x"));
  if (!command.text.empty() || !command.assignments.empty()) into.push_back(std::move(command));
}

void read_line(std::string_view line, const Origin& origin, std::vector<ShellCommand>& into) {
  std::size_t first = into.size();  // of the list that is being read: "a && b || c"
  for (std::string_view rest = trim(line); !rest.empty() && into.size() < most_commands;) {
    const Cut cut = first_cut(rest);
    const bool is_or = rest.substr(cut.end).starts_with("||");
    const bool ends_list = rest.substr(cut.end).starts_with(";");
    if (cut.end > 0) read_command(trim(rest.substr(0, cut.end)), origin, into);
    rest = trim(rest.substr(std::min(cut.end + std::max<std::size_t>(cut.length, 1), rest.size())));
    if (ends_list) first = into.size();
    if (!is_or) continue;
    // "|| true", and nothing behind it that could still fail
    const Cut other = first_cut(rest);
    const bool last = other.end == rest.size() || rest[other.end] == ';' || rest[other.end] == '#';
    if (!last || !is_one_of(ShellText{rest.substr(0, other.end)}.next_word(), {"true", ":", "echo", "printf"}))
      continue;
    for (std::size_t i = first; i < into.size(); ++i)
      into[i].may_fail = true;
  }
}

// A line that may show settings: it says so, or is nothing but one.
bool may_show_settings(std::string_view line) {
  const std::string lower = to_lower(line);
  for (const std::string_view word : {"export ", "setting ", "set ", "env var", "environment", "exported "}) {
    if (contains(lower, word)) return !contains(line, "GITHUB_ENV");
  }
  std::string_view bare = trim(line);
  if (bare.starts_with("+ ")) bare = trim(bare.substr(2));
  const auto equals = bare.find('=');
  return equals != std::string_view::npos && is_variable_name(bare.substr(0, equals)) &&
         (bare.find(' ') == std::string_view::npos || bare.substr(equals + 1).starts_with('"'));
}

}  // namespace

bool is_setting_name(std::string_view name) {
  return name.size() >= 3 && is_variable_name(name) &&
         std::none_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

std::string_view typed_command(std::string_view line) {
  if (line.starts_with("+ ") || line.starts_with("$ ")) return trim(line.substr(2));
  // "LOG_METAL: cmd: ./x", "Running command: x": how scripts announce what they run.
  for (const std::string_view mark : {"cmd: ", "ommand: ", "Executing: ", "Running: "}) {
    const auto at = line.substr(0, 60).find(mark);
    if (at == std::string_view::npos) continue;
    const bool word = at == 0 || !is_word(line[at - 1]) || mark.front() == 'o';
    if (word) return trim(line.substr(at + mark.size()));
  }
  std::string_view prompt = line;
  if (prompt.starts_with('(')) prompt = after(prompt, ") ").value_or("");
  const auto at = prompt.find('@');
  const auto colon = prompt.find(':');
  const auto is_host = [](char c) { return is_word(c) || c == '.' || c == '-' || c == '@'; };
  const bool named = at != std::string_view::npos && at > 0 && colon != std::string_view::npos && at < colon &&
                     std::all_of(prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(colon), is_host);
  if (!named) return {};
  for (const std::string_view end : {"$ ", "# "}) {
    const auto found = prompt.find(end, colon);
    const std::string_view folder = found == std::string_view::npos ? " " : prompt.substr(colon + 1, found - colon - 1);
    if (folder.find(' ') == std::string_view::npos) return trim(prompt.substr(found + 2));
  }
  return {};
}

std::vector<ShellCommand> shell_commands(std::string_view line, const Origin& origin) {
  std::vector<ShellCommand> commands;
  read_line(line, origin, commands);
  return commands;
}

std::vector<ShellCommand> shell_commands(const std::vector<Sourced<std::string>>& script) {
  std::vector<ShellCommand> commands;
  std::string joined;
  Origin origin;
  for (const auto& line : script) {
    const std::string_view text = trim_end(line.value);
    if (joined.empty()) origin = line.origin;
    const bool continues = text.ends_with('\\');
    joined += continues ? std::string{trim_end(text.substr(0, text.size() - 1))} + " " : std::string{text};
    if (continues) continue;
    read_line(joined, origin, commands);
    joined.clear();
  }
  read_line(joined, origin, commands);
  return commands;
}

bool runs_tests(CommandKind kind) { return kind != CommandKind::other && kind != CommandKind::setup; }

std::vector<std::pair<std::string, std::string>> shown_settings(std::string_view line) {
  std::vector<std::pair<std::string, std::string>> settings;
  if (line.find('=') == std::string_view::npos || !may_show_settings(line)) return settings;
  ShellText words{line};
  for (std::string_view word = words.next_word(); !word.empty(); word = words.next_word()) {
    auto set = assignment(word);
    if (set && is_setting_name(set->first) && set->second.find("***") == std::string::npos) {
      settings.push_back(std::move(*set));
    }
  }
  return settings;
}

bool is_runner_variable(std::string_view name) {
  return name.starts_with("GITHUB_") || name.starts_with("RUNNER_") || name.starts_with("ACTIONS_");
}

std::optional<std::string> option_value(std::string_view command, std::string_view option) {
  ShellText words{command};
  for (std::string_view word = words.next_word(); !word.empty(); word = words.next_word()) {
    if (word == option) return unquoted(words.next_word());
    if (word.starts_with(option) && word.substr(option.size()).starts_with('=')) {
      return unquoted(word.substr(option.size() + 1));
    }
  }
  return std::nullopt;
}

}  // namespace ndr
