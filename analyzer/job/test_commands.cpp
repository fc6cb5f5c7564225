#include "analyzer/job/test_commands.hpp"

#include <algorithm>

#include "analyzer/evidence/formats.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr int deepest_call = 4;
constexpr std::size_t most_tests = 200;
constexpr std::size_t longest_function = 2000;  // lines

// "run_mixer_tests() {" or "function run_mixer_tests {"
bool defines(std::string_view line, std::string_view name) {
  line = trim(line);
  if (line.starts_with("function ")) line = trim(line.substr(9));
  if (!line.starts_with(name)) return false;
  const std::string_view rest = trim(line.substr(name.size()));
  return rest.starts_with("()") || rest.starts_with("{");
}

struct ShellFunction {
  std::string file;
  std::vector<Sourced<std::string>> lines;
};

// The lines between a function's braces; the closing one stands where the definition began.
ShellFunction body_of(const std::vector<std::string_view>& lines, std::size_t first, const std::string& file,
                      FactFiles& files) {
  ShellFunction found{file, {}};
  const std::size_t indent = lines[first].find_first_not_of(" \t");
  for (std::size_t i = first + 1; i < lines.size() && found.lines.size() < longest_function; ++i) {
    const std::string_view text = trim_end(lines[i]);
    if (trim(text) == "}" && text.find('}') <= indent) break;
    found.lines.push_back(sourced(std::string{text}, files.at(file, i + 1)));
  }
  return found;
}

std::optional<ShellFunction> find_function(const std::string& name, const SourceTree& tree, FactFiles& files) {
  for (const std::string& path : tree.paths) {
    if (!path.ends_with(".sh") && !path.ends_with(".bash")) continue;
    const auto text = tree.text(path);
    if (!text || !contains(*text, name)) continue;
    const auto lines = split(*text, '\n');
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (defines(lines[i], name)) return body_of(lines, i, path, files);
    }
  }
  return std::nullopt;
}

// "for i in {1..5}", "for i in $(seq 3)", "for i in a b c"
int loop_count(std::string_view line) {
  line = trim(line);
  if (!line.starts_with("for ")) return 1;
  const auto in = after(line, " in ");
  if (!in) return 1;
  const std::string_view list = trim(before(before(*in, ";"), " do"));
  const auto times = [](std::optional<std::uint64_t> first, std::optional<std::uint64_t> last) {
    const bool sound = first && last && *last >= *first && *last - *first < 100000;
    return sound ? static_cast<int>(*last - *first + 1) : 1;
  };
  if (list.starts_with('{') && contains(list, ".."))
    return times(leading_number(list.substr(1)), leading_number(after(list, "..").value_or("")));
  if (list.starts_with("$(seq ")) {
    std::vector<std::uint64_t> numbers;
    for (const std::string_view word : split(before(list.substr(6), ")"), ' ')) {
      if (const auto number = to_number(word)) numbers.push_back(*number);
    }
    if (numbers.empty()) return 1;
    return numbers.size() == 1 ? times(1, numbers[0]) : times(numbers.front(), numbers.back());
  }
  if (list.empty() || list.find_first_of("$`*") != std::string_view::npos) return 1;
  const std::string folded = fold_spaces(list);
  return static_cast<int>(split(folded, ' ').size());
}

struct Search {
  const SourceTree& tree;
  FactFiles& files;
  std::vector<TestCommand> found;
  std::vector<std::string> open;  // functions being looked into
};

// How often the line at `origin` runs, by the loops that are open around it.
class Loops {
public:
  void see(std::string_view line) {
    line = trim(line);
    if (line.starts_with("for ") || line.starts_with("while ")) open_.push_back(loop_count(line));
    const bool closes =
        line == "done" || line.starts_with("done ") || line.starts_with("done;") || line.ends_with("; done");
    if (closes && !open_.empty()) {
      if (line.ends_with("; done") && line.starts_with("for ")) closing_ = open_.back();
      open_.pop_back();
    }
  }
  int count() {
    int product = closing_;
    closing_ = 1;
    for (const int times : open_)
      product = std::min(product * times, 1000000);
    return product;
  }

private:
  std::vector<int> open_;
  int closing_ = 1;  // of a loop on one line
};

void search(const std::vector<Sourced<std::string>>& script, const MaybeSourced<std::string>& function, int outer_loop,
            Search& into);

void take_command(ShellCommand command, const MaybeSourced<std::string>& function, int loop, Search& into) {
  if (!runs_tests(command.kind) || into.found.size() >= most_tests) return;
  const std::string name{before(command.text, " ")};
  const bool may_be_function = command.kind == CommandKind::script && name.find('/') == std::string::npos;
  const bool fresh = std::find(into.open.begin(), into.open.end(), name) == into.open.end();
  if (may_be_function && fresh && into.open.size() < deepest_call) {
    if (const auto body = find_function(name, into.tree, into.files)) {
      into.open.push_back(name);
      const std::size_t before_it = into.found.size();
      search(body->lines, function ? function : sourced(name, command.origin), loop, into);
      into.open.pop_back();
      if (into.found.size() > before_it) return;
    }
  }
  into.found.push_back({std::move(command), function, loop});
}

void search(const std::vector<Sourced<std::string>>& script, const MaybeSourced<std::string>& function, int outer_loop,
            Search& into) {
  std::vector<std::pair<std::uint64_t, int>> loops;  // line -> times
  Loops open;
  for (const auto& line : script) {
    open.see(line.value);
    loops.emplace_back(line.origin.line, std::min(outer_loop * open.count(), 1000000));
  }
  for (ShellCommand& command : shell_commands(script)) {
    const auto at =
        std::find_if(loops.begin(), loops.end(), [&](const auto& line) { return line.first == command.origin.line; });
    take_command(std::move(command), function, at == loops.end() ? outer_loop : at->second, into);
  }
}

bool writes_environment(std::string_view line) {
  return contains(line, "GITHUB_ENV") && (contains(line, ">>") || contains(line, "tee "));
}

bool is_name(std::string_view name) {
  return !name.empty() && !is_digit(name.front()) && std::all_of(name.begin(), name.end(), is_word);
}

// echo "NAME=value" -> NAME, value
std::optional<std::pair<std::string, std::string>> echoed(std::string_view line) {
  line = trim(line);
  if (line.starts_with("{")) line = trim(line.substr(1));
  if (!line.starts_with("echo ")) return std::nullopt;
  std::string_view text = trim(line.substr(5));
  for (const std::string_view option : {"-n ", "-e ", "-E "}) {
    if (text.starts_with(option)) text = trim(text.substr(option.size()));
  }
  const bool quoted = text.starts_with('"') || text.starts_with('\'');
  if (quoted) {
    const auto end = text.find(text.front(), 1);
    if (end == std::string_view::npos) return std::nullopt;
    text = text.substr(1, end - 1);
  } else {
    for (const std::string_view end : {" >>", ">>", " | ", ";"})
      text = before(text, end);
  }
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || !is_name(text.substr(0, equals))) return std::nullopt;
  std::string_view value = text.substr(equals + 1);
  const bool own_quotes =
      value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
  if (own_quotes) value = value.substr(1, value.size() - 2);
  return std::pair{std::string{text.substr(0, equals)}, std::string{trim(value)}};
}

// cat <<EOF >> $GITHUB_ENV: the mark that ends the document.
std::string here_mark(std::string_view line) {
  const auto mark = after(line, "<<");
  if (!mark || mark->starts_with('<')) return {};
  std::string_view word = mark->substr(
      mark->find_first_not_of("- \t") == std::string_view::npos ? mark->size() : mark->find_first_not_of("- \t"));
  word = before(word, " ");
  if (word.size() >= 2 && (word.front() == '\'' || word.front() == '"')) word = word.substr(1, word.size() - 2);
  return is_name(word) ? std::string{word} : std::string{};
}

}  // namespace

std::vector<TestCommand> test_commands(const std::vector<Sourced<std::string>>& script, const SourceTree& tree,
                                       FactFiles& files) {
  Search found{tree, files, {}, {}};
  search(script, std::nullopt, 1, found);
  return std::move(found.found);
}

std::vector<std::pair<std::string, Sourced<std::string>>> exported_variables(
    const std::vector<Sourced<std::string>>& script) {
  std::vector<std::pair<std::string, Sourced<std::string>>> variables;
  std::size_t group_begin = script.size();
  const auto add = [&](const Sourced<std::string>& line) {
    if (auto set = echoed(line.value)) variables.emplace_back(set->first, sourced(set->second, line.origin));
  };
  for (std::size_t i = 0; i < script.size(); ++i) {
    const std::string_view text = trim(script[i].value);
    if (text == "{" || text == "(") group_begin = i + 1;
    if (!writes_environment(text)) continue;
    if (const std::string mark = here_mark(text); !mark.empty()) {
      for (++i; i < script.size() && trim(script[i].value) != mark; ++i) {
        const std::string& line = script[i].value;
        const auto equals = line.find('=');
        const std::string name{trim(std::string_view{line}.substr(0, std::min(equals, line.size())))};
        if (equals != std::string::npos && is_name(name))
          variables.emplace_back(
              name, sourced(std::string{trim(std::string_view{line}.substr(equals + 1))}, script[i].origin));
      }
    } else if (text.starts_with("}") || text.starts_with(")")) {
      for (std::size_t j = group_begin; j < i; ++j)
        add(script[j]);
    } else {
      add(script[i]);
    }
  }
  return variables;
}

std::vector<std::pair<std::string, Sourced<std::string>>> script_variables(
    const std::vector<Sourced<std::string>>& script) {
  std::vector<std::pair<std::string, Sourced<std::string>>> variables;
  for (const ShellCommand& command : shell_commands(script)) {
    if (!command.text.empty()) continue;
    for (const auto& [name, value] : command.assignments)
      variables.emplace_back(name, sourced(value, command.origin));
  }
  return variables;
}

bool surely_runs_tests(const TestCommand& test) {
  switch (test.command.kind) {
    case CommandKind::pytest:
    case CommandKind::gtest:
    case CommandKind::ctest:
    case CommandKind::script:
      return true;
    case CommandKind::other:
    case CommandKind::setup:
    case CommandKind::program:
      return false;
  }
  return false;
}

}  // namespace ndr
