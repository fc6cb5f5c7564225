#include <algorithm>
#include <system_error>
#include <vector>

#include "analyzer/stress/recipe.hpp"
#include "storage/atomic_file.hpp"
#include "supervisor/arms/invocation.hpp"

namespace ndr {
namespace {

constexpr std::uint64_t largest_script = 1u << 20;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// The next command line of a script: continuation lines joined, comment lines empty.
std::string next_logical_line(std::string_view& script) {
  std::string line;
  while (!script.empty()) {
    const std::size_t end = script.find('\n');
    std::string_view part = script.substr(0, end);
    script.remove_prefix(end == std::string_view::npos ? script.size() : end + 1);
    const bool goes_on = !part.empty() && part.back() == '\\';
    if (goes_on) part.remove_suffix(1);
    line += part;
    if (!goes_on) break;
    line += ' ';
  }
  const std::size_t first = line.find_first_not_of(" \t");
  return first == std::string::npos || line[first] == '#' ? std::string{} : line.substr(first);
}

std::vector<std::string_view> blank_separated(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < line.size();) {
    std::size_t end = at;
    while (end < line.size() && !is_blank(line[end]))
      ++end;
    if (end > at) words.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

bool asks_for_workers(std::string_view line) {
  bool after_pytest = false;  // `echo -n`, `[ -n …` and `head -n 5` come without it
  for (const std::string_view word : blank_separated(line)) {
    if (after_pytest && (word == "-n" || word == "-nauto" || word.starts_with("--numprocesses"))) return true;
    if (after_pytest && word.size() > 2 && word.starts_with("-n") && word[2] >= '0' && word[2] <= '9') return true;
    if (word == "pytest" || word.ends_with("/pytest") || word == "py.test") after_pytest = true;
  }
  return false;
}

bool sets_watchdog(std::string_view line) {
  const std::string assignment = std::string{watchdog_variable} + "=";
  for (const std::string_view word : blank_separated(line))
    if (word.starts_with(assignment)) return word.find('$') == std::string_view::npos;
  return false;
}

/// Lines of the list that generated scripts have (templates/pytest_predecessors.sh.in, gtest_predecessors.sh.in).
int listed_predecessors(std::string_view script) {
  constexpr std::string_view begin = "\npredecessors=(\n";
  const std::size_t at = script.find(begin);
  if (at == std::string_view::npos) return 0;
  const std::string_view list = script.substr(at + begin.size(), script.find("\n)\n", at) - at - begin.size() + 1);
  return static_cast<int>(std::count(list.begin(), list.end(), '\n'));
}

}  // namespace

ScriptForm form_of(std::string_view script, bool has_contract) {
  ScriptForm form;
  form.has_contract = has_contract;
  form.takes_settings = has_contract && script.find("NDREPRO_SET_") != std::string_view::npos;
  form.predecessors = listed_predecessors(script);
  while (!script.empty()) {
    const std::string line = next_logical_line(script);
    form.starts_workers = form.starts_workers || (!has_contract && asks_for_workers(line));
    form.fixes_watchdog = form.fixes_watchdog || (!form.takes_settings && sets_watchdog(line));
  }
  return form;
}

ScriptForm script_form(const CaseFolder& folder) {
  try {
    return form_of(without_recipe(read_start(folder.run_script(), largest_script)), has_contract_line(folder));
  } catch (const std::system_error&) {
    return {};
  }
}

}  // namespace ndr
