#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "storage/attempt_folder.hpp"
#include "storage/process_identity.hpp"

namespace ndr {

/// Which of the host's processes are left of a run whose shim is lost. Sure signs only, never a pid alone: the recorded
/// leader (same boot, pid and start time) and whoever holds the run's log open for appending; then the groups and
/// the session of the run as far as one of those is in them, and all their descendants. `appends(pid)`: see log_writer.
std::vector<ProcessStat> survivors_of(const ShimRecord& record, const std::vector<ProcessStat>& all,
                                      const std::function<bool(int pid)>& appends);

/// Device and inode of a file.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId&) const = default;
};
std::optional<FileId> file_id(const std::filesystem::path& file);

/// The process has this file open for appending.
bool is_log_writer(int pid, const FileId& log);

}  // namespace ndr
