#include "supervisor/arms/arm.hpp"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace ndr {
namespace {

// The runtime's watchdog: seconds as a decimal number, 0 or unset never fires.
constexpr std::string_view watchdog_variable = "TT_METAL_OPERATION_TIMEOUT_SECONDS";

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", seconds);
  return text;
}

void append_for_pytest(const Arm& arm, std::uint64_t seed, bool starts_workers, Invocation& made) {
  if (arm.workers > 1) {
    // A restarted worker would go on on a device that its predecessor left behind: first fault only.
    made.arguments = {"-n", std::to_string(arm.workers), "--max-worker-restart=0"};
  } else if (starts_workers) {
    made.arguments = {"-n", "0"};
  }
  if (arm.iterations > 0) made.environment.emplace_back("NDREPRO_ITERATIONS", std::to_string(arm.iterations));
  made.environment.emplace_back("NDREPRO_SEED", std::to_string(seed));
}

void append_for_contract(const Arm& arm, std::uint64_t seed, Invocation& made) {
  if (arm.iterations > 0) made.arguments = {"--iterations", std::to_string(arm.iterations)};
  const std::vector<std::string> rest{"--workers", std::to_string(arm.workers), "--seed", std::to_string(seed)};
  made.arguments.insert(made.arguments.end(), rest.begin(), rest.end());
}

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

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < line.size();) {
    std::size_t end = at;
    while (end < line.size() && !is_blank(line[end])) ++end;
    if (end > at) words.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

bool asks_for_workers(std::string_view line) {
  bool after_pytest = false;  // `echo -n`, `[ -n …` and `head -n 5` come without it
  for (const std::string_view word : words_of(line)) {
    if (after_pytest && (word == "-n" || word == "-nauto" || word.starts_with("--numprocesses"))) return true;
    if (after_pytest && word.size() > 2 && word.starts_with("-n") && word[2] >= '0' && word[2] <= '9') return true;
    if (word == "pytest" || word.ends_with("/pytest") || word == "py.test") after_pytest = true;
  }
  return false;
}

bool sets_watchdog(std::string_view line) {
  const std::string assignment = std::string{watchdog_variable} + "=";
  for (const std::string_view word : words_of(line))
    if (word.starts_with(assignment)) return word.find('$') == std::string_view::npos;
  return false;
}

}  // namespace

Arm amplified(int iterations, int workers, int plain_iterations) {
  Arm arm;
  arm.iterations = iterations;
  arm.workers = workers;
  if (workers > 1)
    arm.name = "workers";
  else if (iterations != plain_iterations)
    arm.name = "iterations";
  return arm;
}

Invocation invocation(const Arm& arm, std::uint64_t seed, bool has_contract, bool starts_workers) {
  Invocation made;
  if (has_contract)
    append_for_contract(arm, seed, made);
  else
    append_for_pytest(arm, seed, starts_workers, made);
  if (arm.watchdog_scale != 1)
    made.environment.emplace_back(watchdog_variable, seconds_text(arm.operation_timeout_s * arm.watchdog_scale));
  return made;
}

std::string parameters_of(const Arm& arm) {
  nlohmann::ordered_json json{{"iterations", arm.iterations}, {"workers", arm.workers}};
  if (arm.watchdog_scale != 1) {
    json["watchdog_scale"] = arm.watchdog_scale;
    json["operation_timeout_s"] = arm.operation_timeout_s;
  }
  return json.dump();
}

std::optional<Arm> arm_from(const std::string& name, const std::string& parameters) {
  const auto json = nlohmann::json::parse(parameters, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  Arm arm;
  arm.name = name;
  for (const auto& [key, value] : json.items()) {
    if (key == "iterations" && value.is_number_integer())
      arm.iterations = value.get<int>();
    else if (key == "workers" && value.is_number_integer())
      arm.workers = value.get<int>();
    else if (key == "watchdog_scale" && value.is_number())
      arm.watchdog_scale = value.get<double>();
    else if (key == "operation_timeout_s" && value.is_number())
      arm.operation_timeout_s = value.get<double>();
    else
      return std::nullopt;
  }
  const bool sane = arm.iterations >= 0 && arm.workers >= 1 && arm.watchdog_scale >= 0 && arm.operation_timeout_s >= 0;
  return sane ? std::optional{arm} : std::nullopt;
}

ScriptHabits habits_of(std::string_view script) {
  ScriptHabits habits;
  while (!script.empty()) {
    const std::string line = next_logical_line(script);
    habits.starts_workers = habits.starts_workers || asks_for_workers(line);
    habits.fixes_watchdog = habits.fixes_watchdog || sets_watchdog(line);
  }
  return habits;
}

}  // namespace ndr
