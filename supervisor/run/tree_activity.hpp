#pragma once
#include <cstdint>
#include <filesystem>

namespace ndr {

/// What the descendants of a process are doing.
struct TreeActivity {
  int processes = 0;
  std::uint64_t cpu_ticks = 0;    // user and system time, of children that were waited for too
  bool has_triage_child = false;  // the host's triage hook runs: silence is its doing
  bool operator==(const TreeActivity&) const = default;
};

/// Looks through /proc/PID/task/TID/children from `root` (a shim, which is the subreaper of its run) downwards, without
/// root itself. Processes that end meanwhile are left out.
TreeActivity tree_activity(int root, const std::filesystem::path& proc = "/proc");

}  // namespace ndr
