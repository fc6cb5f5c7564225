#include "supervisor/arms/arm.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "analyzer/statistics/random.hpp"
#include "storage/strict_json.hpp"

namespace ndr {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// A parameter: its name and place, and the range of what is sane. Only those unlike the plain arm's are written.
template <class Number>
struct Parameter {
  const char* name;
  Number Arm::*place;
  Number least;
  Number most;
};

constexpr Parameter<int> whole_numbers[] = {{"iterations", &Arm::iterations, 0, 1 << 30},
                                            {"workers", &Arm::workers, 1, 1 << 20},
                                            {"copies", &Arm::copies, 1, 64},
                                            {"shared_copies", &Arm::shared_copies, 0, 64},
                                            {"noise_us", &Arm::noise_us, 0, 100000},
                                            {"priority_points", &Arm::priority_points, 0, 1 << 30},
                                            {"breakpoints", &Arm::breakpoints, 0, 1000},
                                            {"hold_us", &Arm::hold_us, 0, 1000000},
                                            {"predecessors", &Arm::predecessors, 0, 1000}};
constexpr Parameter<double> shares[] = {{"watchdog_scale", &Arm::watchdog_scale, 0, 1e6},
                                        {"operation_timeout_s", &Arm::operation_timeout_s, 0, 1e6},
                                        {"noise_chance", &Arm::noise_chance, 0, 1},
                                        {"call_chance", &Arm::call_chance, 0, 1}};
constexpr std::pair<const char*, bool Arm::*> flags[] = {{"counts_points", &Arm::counts_points},
                                                         {"preempts", &Arm::preempts},
                                                         {"one_cpu", &Arm::one_cpu},
                                                         {"redrawn", &Arm::redrawn},
                                                         {"keeps_folder", &Arm::keeps_folder},
                                                         {"fresh_board", &Arm::fresh_board}};
constexpr const char* limiter = "/usr/bin/prlimit";
constexpr std::size_t most_listed = 64;
constexpr std::size_t longest_value = 4096;
constexpr std::array resources{"as",   "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue",
                               "nice", "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};

bool is_text(const json& value, std::size_t most) {
  return value.is_string() && value.get_ref<const std::string&>().size() <= most &&
         value.get_ref<const std::string&>().find('\0') == std::string::npos;
}

bool take_near(const json& value, Arm& arm) {
  if (!value.is_array() || value.size() > most_listed) return false;
  for (const json& name : value) {
    if (!is_text(name, 400)) return false;
    arm.near.push_back(name.get<std::string>());
  }
  return true;
}

bool take_environment(const json& value, Arm& arm) {
  if (!value.is_object() || value.size() > most_listed) return false;
  for (const auto& [name, text] : value.items()) {
    if (!is_settable(name) || !is_text(text, longest_value)) return false;
    arm.environment.emplace_back(name, text.get<std::string>());
  }
  return true;
}

bool take_limits(const json& value, Arm& arm) {
  if (!value.is_object()) return false;
  for (const auto& [name, number] : value.items()) {
    if (!is_resource(name) || !number.is_number_unsigned()) return false;
    arm.limits.emplace_back(name, number.get<std::uint64_t>());
  }
  return true;
}

bool take_parameter(const std::string& key, const json& value, Arm& arm) {
  if (key == "near") return take_near(value, arm);
  if (key == "environment") return take_environment(value, arm);
  if (key == "limits") return take_limits(value, arm);
  for (const auto& parameter : whole_numbers) {
    if (key != parameter.name) continue;
    if (!value.is_number_integer()) return false;
    const auto number = value.get<std::int64_t>();
    if (number < parameter.least || number > parameter.most) return false;
    arm.*parameter.place = static_cast<int>(number);
    return true;
  }
  for (const auto& parameter : shares) {
    if (key != parameter.name) continue;
    if (!value.is_number()) return false;
    arm.*parameter.place = value.get<double>();
    return arm.*parameter.place >= parameter.least && arm.*parameter.place <= parameter.most;
  }
  for (const auto& [name, place] : flags) {
    if (key != name) continue;
    if (!value.is_boolean()) return false;
    arm.*place = value.get<bool>();
    return true;
  }
  return false;
}

/// Around the arm's own: the chance within a factor of three, naps from a fifth to two and a half times as long, and
/// one run in three yields instead.
Arm redrawn(Arm arm, std::uint64_t seed) {
  RandomStream random{seed};
  const bool yields = random.fraction() < 1.0 / 3;
  const double chance = arm.noise_chance * std::exp2((random.fraction() * 2 - 1) * 1.6);
  const double us = arm.noise_us * std::pow(10.0, random.fraction() * 1.1 - 0.7);
  // Yields are cheaper than naps, so a hundred times as many; half of a million calls would be a hang.
  arm.noise_chance = std::min(0.5, yields ? arm.noise_chance * 100 : chance);
  arm.noise_us = yields ? 0 : std::clamp(static_cast<int>(us), 1, 100000);
  return arm;
}

/// Short waits are cut with it: so Python's interpreter lock goes round more often.
std::string noise_text(const Arm& arm, std::uint64_t seed, const std::string& report_folder) {
  const char* mode = arm.noise_us > 0 ? "sleep" : "yield";
  if (arm.counts_points) mode = "count";
  if (arm.priority_points > 0) mode = "pct";
  const int start_us = arm.noise_us > 0 ? arm.noise_us : 300;
  char text[200];
  std::snprintf(text, sizeof text, "mode=%s,p=%.4g,us=%d,start_p=0.3,start_us=%d,cut=1,seed=%llu", mode,
                arm.noise_chance, arm.noise_us, start_us,
                static_cast<unsigned long long>(seed % 1000000000000000000ULL));
  std::string made{text};
  if (arm.priority_points > 0) made.append(",points=").append(std::to_string(arm.priority_points));
  if (!report_folder.empty() && report_folder.find(',') == std::string::npos)
    made.append(",report=").append(report_folder);
  return made;
}

void add_hold(const Arm& arm, std::uint64_t seed, const ArmTools& tools, RunSetting& made) {
  made.prefix = {tools.hold_program, "--seed", std::to_string(seed)};
  const auto add = [&made](const char* option, std::string value) {
    made.prefix.emplace_back(option);
    made.prefix.push_back(std::move(value));
  };
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", arm.call_chance);
  if (arm.breakpoints > 0) add("--breakpoints", std::to_string(arm.breakpoints));
  if (arm.breakpoints > 0) add("--hold-us", std::to_string(arm.hold_us));
  if (arm.call_chance > 0) add("--calls", text);
  if (arm.call_chance > 0) add("--call-us", std::to_string(arm.hold_us));
  if (!tools.report_folder.empty()) add("--report", tools.report_folder);
  if (!tools.index_folder.empty()) add("--index", tools.index_folder);
  if (!arm.near.empty()) add("--near", tools.near_file);
  made.prefix.emplace_back("--");
}

/// Scripts that set a variable themselves take another value for it in NDREPRO_SET_NAME.
void add_settings(const Arm& arm, const ArmTools& tools, RunSetting& made) {
  constexpr std::string_view mark = "{folder}";
  for (const auto& [name, text] : arm.environment) {
    std::string value = text;
    for (std::size_t at = value.find(mark); at != std::string::npos; at = value.find(mark, at))
      value.replace(at, mark.size(), tools.fresh_folder);
    made.environment.emplace_back(name, value);
    made.environment.emplace_back("NDREPRO_SET_" + name, std::move(value));
  }
  if (arm.predecessors > 0) made.environment.emplace_back("NDREPRO_PREDECESSORS", std::to_string(arm.predecessors));
  if (arm.limits.empty()) return;
  made.prefix.emplace_back(limiter);
  for (const auto& [name, number] : arm.limits) {
    const std::string most = std::to_string(number);
    made.prefix.push_back(std::string{"--"}.append(name).append("=").append(most).append(":").append(most));
  }
  made.prefix.emplace_back("--");
}

}  // namespace

bool is_built_in(std::string_view arm) {
  constexpr std::array names{"plain",  "workers",      "iterations", "watchdog", "fresh_board", "recipe", "count",
                             "copies", "back_to_back", "noise",      "yield",    "chaos",       "hold",   "directed",
                             "calls",  "preempt",      "affinity",   "pct",      "predecessors"};
  return std::find(names.begin(), names.end(), arm) != names.end();
}

bool is_settable(std::string_view variable) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  if (variable.empty() || variable.size() > 200 || letters.find(variable.front()) == std::string_view::npos)
    return false;
  const bool is_name = std::all_of(variable.begin(), variable.end(), [letters](char c) {
    return letters.find(c) != std::string_view::npos || (c >= '0' && c <= '9');
  });
  const bool loads_code = variable.starts_with("LD_") || variable.starts_with("BASH_") || variable == "PATH" ||
                          variable == "ENV" || variable == "PYTHONPATH" || variable == "PYTEST_ADDOPTS";
  return is_name && !loads_code && !variable.starts_with("NDREPRO_");
}

bool is_resource(std::string_view name) {
  return std::find(resources.begin(), resources.end(), name) != resources.end();
}

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

Arm noise_arm(int iterations) {
  Arm arm;
  arm.name = "noise";
  arm.iterations = iterations;
  arm.noise_chance = 0.1;
  arm.noise_us = 1500;
  return arm;
}

Arm yield_arm(int iterations) {
  Arm arm;
  arm.name = "yield";
  arm.iterations = iterations;
  arm.noise_chance = 0.5;
  return arm;
}

Arm arm_of(const Axis& axis) {
  Arm arm;
  arm.name = axis.name;
  arm.environment = axis.environment;
  arm.limits = axis.limits;
  return arm;
}

std::string parameters_of(const Arm& arm) {
  const Arm plain;
  ordered_json json{{"iterations", arm.iterations}, {"workers", arm.workers}};
  for (const auto& parameter : whole_numbers)
    if (arm.*parameter.place != plain.*parameter.place) json[parameter.name] = arm.*parameter.place;
  for (const auto& parameter : shares) {
    const bool is_timeout = parameter.place == &Arm::operation_timeout_s;
    const bool is_written = is_timeout ? arm.watchdog_scale != 1 : arm.*parameter.place != plain.*parameter.place;
    if (is_written) json[parameter.name] = arm.*parameter.place;
  }
  for (const auto& [name, place] : flags)
    if (arm.*place) json[name] = true;
  if (!arm.near.empty()) json["near"] = arm.near;
  for (const auto& [name, value] : arm.environment)
    json["environment"][name] = value;
  for (const auto& [name, number] : arm.limits)
    json["limits"][name] = number;
  return json_text(json);
}

std::optional<Arm> arm_from(const std::string& name, const std::string& parameters) {
  const auto json = json_from(parameters);
  if (!json.is_object()) return std::nullopt;
  Arm arm;
  arm.name = name;
  for (const auto& [key, value] : json.items())
    if (!take_parameter(key, value, arm)) return std::nullopt;
  return arm;
}

RunSetting run_setting(const Arm& arm, std::uint64_t seed, const ArmTools& tools) {
  const Arm drawn = arm.redrawn ? redrawn(arm, seed) : arm;
  RunSetting made;
  const bool is_noisy = drawn.noise_chance > 0 || drawn.counts_points || drawn.priority_points > 0;
  if (is_noisy && !tools.noise_library.empty()) {
    made.environment.emplace_back("LD_PRELOAD", tools.noise_library);
    made.environment.emplace_back("NDREPRO_NOISE", noise_text(drawn, seed, tools.report_folder));
  }
  if ((drawn.breakpoints > 0 || drawn.call_chance > 0) && !tools.hold_program.empty())
    add_hold(drawn, seed, tools, made);
  add_settings(drawn, tools, made);
  return made;
}

std::int64_t added_delay_ms(const Arm& arm) {
  // Some ten naps a run are meant; a nap's mean is a fifth of the longest.
  const int longest_us =
      std::max(arm.redrawn ? arm.noise_us * 3 : arm.noise_us, arm.breakpoints > 0 ? arm.hold_us * 2 : arm.hold_us);
  const int stops = std::max(10, arm.breakpoints);
  return 1 + static_cast<std::int64_t>(longest_us) * stops / 1000;
}

}  // namespace ndr
