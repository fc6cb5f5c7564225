#include "supervisor/run/spec.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "storage/atomic_file.hpp"
#include "supervisor/run/case_copy.hpp"

namespace ndr {
namespace {

constexpr std::int64_t watchdog_margin_ms = 15000;  // for the backtrace that it prints
constexpr std::int64_t below_deadline_ms = 60000;

const std::string* find(const Environment& environment, std::string_view name) {
  const auto found = std::find_if(environment.begin(), environment.end(),
                                  [name](const auto& variable) { return variable.first == name; });
  return found == environment.end() ? nullptr : &found->second;
}

void set(Environment& environment, std::string name, std::string value) {
  const auto found = std::find_if(environment.begin(), environment.end(),
                                  [&name](const auto& variable) { return variable.first == name; });
  if (found == environment.end())
    environment.emplace_back(std::move(name), std::move(value));
  else
    found->second = std::move(value);
}

Environment environment_of(const AttemptOrder& order, const Invocation& invocation, const Environment& base) {
  Environment environment = base;
  for (const auto& [name, value] : order.environment)
    set(environment, name, value);
  for (const auto& [name, value] : invocation.environment)
    set(environment, name, value);
  if (order.wanted.failure_type == FailureType::device_timeout && find(environment, watchdog_variable) == nullptr)
    set(environment, std::string{watchdog_variable}, watchdog_text(order.arm.operation_timeout_s));
  if (order.alone) return environment;
  set(environment, "NDREPRO_CASE", order.case_name);
  set(environment, "NDREPRO_ATTEMPT", std::to_string(order.row.number));
  set(environment, "NDREPRO_SEED", std::to_string(order.row.seed));
  return environment;
}

std::filesystem::path where_there(const std::filesystem::path& file) {
  std::error_code none;
  return std::filesystem::is_regular_file(file, none) ? file : std::filesystem::path{};
}

SliceSpec slice_for(const AttemptOrder& order, const Settings& settings, const ScriptForm& script) {
  const Arm& arm = order.arm;
  SliceSpec slice;
  slice.copies = arm.copies;
  slice.shared_copies = std::min(arm.shared_copies, arm.copies);
  slice.duration_ms = order.slice->duration_ms;
  slice.run_limit_ms = order.slice->run_limit_ms;
  slice.runs = order.slice->runs;
  // A script of the contract runs from anywhere; a hand-written one may count on the case's folder.
  slice.own_folders = script.has_contract;
  const bool loads = arm.noise_chance > 0 || arm.counts_points || arm.priority_points > 0;
  if (loads) slice.noise_library = where_there(settings.noise_library());
  if (arm.breakpoints > 0 || arm.call_chance > 0) slice.hold_program = where_there(settings.hold_program());
  return slice;
}

/// Seconds, as the arm sets them or the environment; 0 where none is set or it is no number.
double operation_timeout(const AttemptSpec& spec) {
  const std::string* found = find(spec.environment, watchdog_variable);
  std::string_view text = found == nullptr ? std::string_view{} : *found;
  const std::string assignment = std::string{watchdog_variable} + "=";
  for (const std::string& word : spec.command) {
    if (word.starts_with(assignment)) text = std::string_view{word}.substr(assignment.size());
  }
  double seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::clamp(seconds, 0.0, 1e6);
}

}  // namespace

Environment base_environment(const std::function<std::optional<std::string>(const char*)>& own) {
  Environment environment;
  environment.emplace_back("PATH", own("PATH").value_or("/usr/local/bin:/usr/bin:/bin"));
  environment.emplace_back("HOME", own("HOME").value_or("/"));
  environment.emplace_back("LANG", own("LANG").value_or("C.UTF-8"));
  for (const char* name : {"USER", "SHELL", "TMPDIR"})
    if (auto value = own(name)) environment.emplace_back(name, std::move(*value));
  environment.emplace_back("TERM", "dumb");
  environment.emplace_back("PYTHONUNBUFFERED", "1");
  return environment;
}

Environment base_environment() {
  return base_environment([](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
  });
}

AttemptSpec spec_for(const AttemptOrder& order, const Settings& settings, const ScriptForm& script,
                     const Environment& base) {
  const bool in_slice = order.slice.has_value();
  ArmTools tools{.noise_library = settings.noise_library().string()};
  tools.fresh_folder = (order.folder.attempt(order.row.number) / "fresh").string();
  const Invocation made = order.alone ? Invocation{} : invocation(order.arm, order.row.seed, script, tools, in_slice);
  AttemptSpec spec;
  spec.case_name = order.case_name;
  spec.number = order.row.number;
  spec.command = made.prefix;
  if (order.alone && !why_in_place(order.folder))
    spec.command = command_in_copy(order.folder, order.folder.attempt(order.row.number) / "copy");
  else
    spec.command.push_back(order.folder.run_script().string());
  spec.command.insert(spec.command.end(), made.arguments.begin(), made.arguments.end());
  spec.working_folder = order.folder.root();
  spec.environment = environment_of(order, made, base);
  spec.log = order.folder.run_log(order.row.number);
  spec.deadline_ms = order.deadline_ms;
  spec.ladder = settings.stop.other;
  spec.log_limit_bytes = settings.log_limit_bytes;
  spec.arm = order.row.arm;
  spec.parameters = order.row.parameters;
  spec.seed = order.row.seed;
  spec.literals = order.wanted.literals;
  if (order.slice) spec.slice = slice_for(order, settings, script);
  return spec;
}

StallSettings stall_limits(const StallSettings& configured, const AttemptSpec& spec, FailureType wanted) {
  StallSettings limits = configured;
  const std::int64_t latest_start = std::max(spec.deadline_ms - below_deadline_ms, spec.deadline_ms / 2);
  limits.start_up_ms = std::min(limits.start_up_ms, latest_start);
  const auto watchdog_ms = static_cast<std::int64_t>(operation_timeout(spec) * 1000);
  if (watchdog_ms > 0) limits.mid_run_ms = std::max(limits.mid_run_ms, watchdog_ms + watchdog_margin_ms);
  if (wanted == FailureType::test_timeout) limits.mid_run_ms = std::max(limits.mid_run_ms, spec.deadline_ms);
  return limits;
}

}  // namespace ndr
