#include "supervisor/arms/invocation.hpp"

#include <cstdio>

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

void append_for_contract(const Arm& arm, std::uint64_t seed, bool in_slice, Invocation& made) {
  if (arm.iterations > 0) made.arguments = {"--iterations", std::to_string(arm.iterations)};
  std::vector<std::string> rest{"--workers", std::to_string(arm.workers)};
  if (!in_slice) rest.insert(rest.end(), {"--seed", std::to_string(seed)});
  made.arguments.insert(made.arguments.end(), rest.begin(), rest.end());
}

}  // namespace

std::string watchdog_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", seconds);
  return text;
}

Invocation invocation(const Arm& arm, std::uint64_t seed, const ScriptForm& script, const ArmTools& tools,
                      bool in_slice) {
  Invocation made;
  if (script.has_contract)
    append_for_contract(arm, seed, in_slice, made);
  else
    append_for_pytest(arm, seed, script.starts_workers, made);
  if (arm.watchdog_scale != 1)
    set_variable(made, script, watchdog_variable, watchdog_text(arm.operation_timeout_s * arm.watchdog_scale));
  if (in_slice) return made;
  RunSetting setting = run_setting(arm, seed, tools);
  made.prefix = std::move(setting.prefix);
  for (Setting& variable : setting.environment)
    made.environment.push_back(std::move(variable));
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

Arm arm_of(const AttemptRow& row) {
  Arm named;
  named.name = row.arm;
  return arm_from(row.arm, row.parameters).value_or(named);
}

}  // namespace ndr
