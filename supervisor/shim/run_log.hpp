#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

#include "analyzer/refusal.hpp"
#include "storage/unique_fd.hpp"

namespace ndr {

/// A new file for a command's output, O_APPEND, mode 0640. Refuses one that exists, a symlink in its place, and a
/// folder that is missing or a symlink.
Checked<UniqueFd> create_log(const std::filesystem::path& path);

/// Keeps a growing log within its limit on disk: once above, the middle becomes a hole, again and again; head and
/// tail stay and offsets stay true. The writer never notices.
class LogLimit {
public:
  LogLimit(int file, std::uint64_t limit_bytes) : file_(file), limit_(limit_bytes) {}  // 0: no limit

  /// Looks at the file; false when it is above its limit and its file system cannot make holes.
  bool hold();
  /// How long until it has to be looked at again, a log being taken to grow by at most 1 GiB/s; nothing: never.
  std::optional<std::int64_t> next_look_ms() const;
  std::uint64_t log_bytes() const;

private:
  std::uint64_t used() const;

  int file_;
  std::uint64_t limit_;
  bool has_hole_ = false;
};

}  // namespace ndr
