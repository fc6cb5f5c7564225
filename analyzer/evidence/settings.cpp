#include "analyzer/evidence/settings.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "analyzer/evidence/formats.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_sizes = 64;

constexpr std::array<std::string_view, 9> sizes{
    "trace_region_size",  "l1_small_size",      "num_command_queues", "num_hw_cqs",    "worker_l1_size",
    "l1_unreserved_base", "dispatch_core_axis", "dispatch_core_type", "fabric_config",
};
constexpr std::string_view bank_words = "bank size is only ";

// Variable of the runtime -> the switch that it is.
constexpr std::array<std::pair<std::string_view, std::string_view>, 18> switches{{
    {"TT_METAL_WATCHER", "watcher"},
    {"TT_METAL_WATCHER_NOINLINE", "watcher_noinline"},
    {"TT_METAL_OPERATION_TIMEOUT_SECONDS", "hang_detection_s"},
    {"TT_METAL_SLOW_DISPATCH_MODE", "slow_dispatch"},
    {"TT_METAL_DEVICE_PROFILER", "profiler"},
    {"TT_METAL_DPRINT_CORES", "device_print"},
    {"TT_METAL_LIGHTWEIGHT_KERNEL_ASSERTS", "kernel_asserts"},
    {"TT_METAL_LLK_ASSERTS", "llk_asserts"},
    {"TT_METAL_CLEAR_L1", "clear_l1"},
    {"TT_METAL_CLEAR_DRAM", "clear_dram"},
    {"TT_METAL_GTEST_NUM_HW_CQS", "hardware_queues"},
    {"TT_METAL_INSPECTOR", "inspector"},
    {"TT_MM_THROTTLE_PERF", "throttle"},
    {"TT_LOGGER_LEVEL", "runtime_log_level"},
    {"LOGURU_LEVEL", "python_log_level"},
    {"WH_ARCH_YAML", "dispatch_core_file"},
    {"TTNN_CONFIG_OVERRIDES", "ttnn_config"},
    {"PYTHONFAULTHANDLER", "faulthandler"},
}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> inputs_of_interest{{
    {"hang-detection-timeout", "hang_detection_s"},
    {"slow-dispatch-timeout", "hang_detection_s"},
    {"enable-watcher", "watcher"},
    {"enable-lightweight-kernel-asserts", "kernel_asserts"},
}};

void add(LogSettings& settings, std::string_view name, std::string_view value, const Origin& origin) {
  if (value.empty() || settings.size() >= most_sizes) return;
  settings.emplace(std::string{name}, sourced(std::string{value}, origin));
}

// "'l1_small_size': 24576", "l1_small_size=24576": what stands behind the name.
std::string_view value_behind(std::string_view line, std::size_t at) {
  std::string_view rest = line.substr(at);
  const auto skip = [&](std::string_view any_of) {
    rest.remove_prefix(std::min(rest.find_first_not_of(any_of), rest.size()));
  };
  skip("'\"");
  skip(" ");
  if (rest.empty() || (rest.front() != ':' && rest.front() != '=')) return {};
  skip(":= '\"<");
  const auto ends = [](char c) { return !is_word(c) && c != '.'; };
  const auto end = std::find_if(rest.begin(), rest.end(), ends);
  return rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
}

}  // namespace

std::span<const std::string_view> size_words() { return sizes; }

void read_sizes(std::string_view line, const Origin& origin, LogSettings& settings) {
  for (const std::string_view name : sizes) {
    const auto at = line.find(name);
    if (at != std::string_view::npos) add(settings, name, value_behind(line, at + name.size()), origin);
  }
  if (const auto bank = after(line, bank_words)) add(settings, "bank_bytes", before(*bank, " "), origin);
}

void add_switches(const Evidence& evidence, const std::map<std::string, Sourced<std::string>>& inputs,
                  LogSettings& settings) {
  for (const auto& [variable, name] : switches) {
    const auto found = evidence.environment.find(std::string{variable});
    if (found != evidence.environment.end()) add(settings, name, found->second.value, found->second.origin);
  }
  for (const auto& [input, name] : inputs_of_interest) {
    const auto found = inputs.find(std::string{input});
    if (found != inputs.end()) add(settings, name, found->second.value, found->second.origin);
  }
}

}  // namespace ndr
