#include "supervisor/arms/arm.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "storage/strict_json.hpp"

namespace ndr {
namespace {

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

}  // namespace

std::string watchdog_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", seconds);
  return text;
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

Invocation invocation(const Arm& arm, std::uint64_t seed, const ScriptForm& script, const std::string& noise_library) {
  Invocation made;
  if (script.has_contract)
    append_for_contract(arm, seed, made);
  else
    append_for_pytest(arm, seed, script.starts_workers, made);
  if (arm.watchdog_scale != 1)
    set_variable(made, script, watchdog_variable, watchdog_text(arm.operation_timeout_s * arm.watchdog_scale));
  if (arm.noise_chance > 0 && !noise_library.empty()) {
    // Short waits are cut with it: so Python's interpreter lock goes round more often.
    char text[160];
    std::snprintf(text, sizeof text, "mode=%s,p=%.4g,us=%d,start_p=0.3,start_us=1500,cut=1,seed=%llu",
                  arm.noise_us > 0 ? "sleep" : "yield", arm.noise_chance, arm.noise_us,
                  static_cast<unsigned long long>(seed % 1000000000000000000ULL));
    made.environment.emplace_back("LD_PRELOAD", noise_library);
    made.environment.emplace_back("NDREPRO_NOISE", text);
  }
  return made;
}

void set_variable(Invocation& made, const ScriptForm& script, std::string_view name, const std::string& value) {
  if (!script.takes_settings) {
    made.environment.emplace_back(name, value);
    return;
  }
  made.arguments.emplace_back("--set");
  made.arguments.push_back(std::string{name}.append("=").append(value));
}

std::string parameters_of(const Arm& arm) {
  nlohmann::ordered_json json{{"iterations", arm.iterations}, {"workers", arm.workers}};
  if (arm.watchdog_scale != 1) {
    json["watchdog_scale"] = arm.watchdog_scale;
    json["operation_timeout_s"] = arm.operation_timeout_s;
  }
  if (arm.noise_chance > 0) json["noise_chance"] = arm.noise_chance;
  if (arm.noise_us > 0) json["noise_us"] = arm.noise_us;
  return json_text(json);
}

std::optional<Arm> arm_from(const std::string& name, const std::string& parameters) {
  const auto json = json_from(parameters);
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
    else if (key == "noise_chance" && value.is_number())
      arm.noise_chance = value.get<double>();
    else if (key == "noise_us" && value.is_number_integer())
      arm.noise_us = value.get<int>();
    else
      return std::nullopt;
  }
  const bool sane = arm.iterations >= 0 && arm.workers >= 1 && arm.watchdog_scale >= 0 &&
                    arm.operation_timeout_s >= 0 && arm.noise_chance >= 0 && arm.noise_chance <= 1 && arm.noise_us >= 0;
  return sane ? std::optional{arm} : std::nullopt;
}

Arm arm_of(const AttemptRow& row) {
  Arm named;
  named.name = row.arm;
  return arm_from(row.arm, row.parameters).value_or(named);
}

}  // namespace ndr
