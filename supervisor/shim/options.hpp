#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/refusal.hpp"

namespace ndr {

enum class ShimTask { run, reset, slice, probe, write, reap, help, version };

/// What the command line asks for.
struct ShimOptions {
  ShimTask task = ShimTask::help;
  std::filesystem::path folder;  // absolute; of run, reset, slice and reap
  bool use_cgroup = true;
};

/// From the words after the program's name.
Checked<ShimOptions> shim_options_from(const std::vector<std::string>& words);

std::string_view help_text();

}  // namespace ndr
