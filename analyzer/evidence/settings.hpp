#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "analyzer/evidence/evidence.hpp"

namespace ndr {

using LogSettings = std::map<std::string, Sourced<std::string>>;

/// Sizes that a line gives for the memory of the device, as parameters of a test or in a message: trace_region_size,
/// l1_small_size, num_command_queues and the like by their own names, bank_bytes for "bank size is only N B". The
/// first value of a name is kept.
void read_sizes(std::string_view line, const Origin& origin, LogSettings& settings);

/// The words that a line with such a size holds.
std::span<const std::string_view> size_words();

/// Switches of the runtime and of CI that change when a failure shows, by plain names: watcher, dispatch
/// (slow or fast), hang_detection_s, profiler, llk_asserts, hardware_queues, fast_runtime_mode, ... from the variables
/// in force and the inputs of the workflow (`hang-detection-timeout`, `enable-watcher`).
void add_switches(const Evidence& evidence, const std::map<std::string, Sourced<std::string>>& inputs,
                  LogSettings& settings);

}  // namespace ndr
