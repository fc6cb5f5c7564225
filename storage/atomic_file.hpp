#pragma once
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "storage/unique_fd.hpp"

namespace ndr {

/// now: safe from a power cut when the call returns. later: only started, for a file that matters no earlier than the
/// next one that is synced in its folder.
enum class Durability { now, later };

/// Whole file or nothing, also for a reader in between: temporary file beside it, fdatasync, rename, fsync of the
/// folder. `mode` is exact, whatever the umask. Throws std::system_error, and then leaves no temporary file.
void write_file_atomically(const std::filesystem::path& file, std::string_view bytes, unsigned mode = 0644,
                           Durability durability = Durability::now);

/// The same inside an open folder; `name` is one component.
void write_file_atomically(const UniqueFd& folder, const std::string& name, std::string_view bytes, unsigned mode,
                           Durability durability = Durability::now);

/// Room on the disk for one small file, taken early, so that it can be written when the disk is full. Where the file
/// system cannot set room aside it is an ordinary file. Throws std::system_error, and then leaves no draft.
class ReservedFile {
public:
  ReservedFile(const std::filesystem::path& draft, std::uint64_t size);
  ReservedFile(ReservedFile&&) noexcept = default;
  ReservedFile& operator=(ReservedFile&&) = delete;  // the draft that it had would stay
  ~ReservedFile();                                   // without publish() the draft goes away

  /// Gives it its content and its name in the draft's folder: whole or not at all, and durable.
  void publish(const std::string& name, std::string_view bytes, unsigned mode);

private:
  std::string draft_;
  UniqueFd folder_;
  UniqueFd file_;
};

/// A whole regular file, opened without following a symlink; throws std::system_error, also above `limit`
/// bytes.
std::string read_file(const std::filesystem::path& file, std::uint64_t limit = 64ull << 20);

/// Its first `limit` bytes at most, otherwise the same.
std::string read_start(const std::filesystem::path& file, std::uint64_t limit);

/// Opens `relative` with no way out of `folder`: no "..", no absolute path, no symlink at any place (openat2
/// with RESOLVE_BENEATH, Linux 5.6). Always O_CLOEXEC. Throws std::system_error.
UniqueFd open_beneath(const UniqueFd& folder, const std::filesystem::path& relative, int flags, mode_t mode = 0);

/// The folder, each part of it made where it is missing; beneath `root` and through no symlink. Throws
/// std::system_error.
UniqueFd make_folder_beneath(const UniqueFd& root, const std::filesystem::path& relative);

/// Tells whether bytes changed (FNV-1a, 64 bits, 16 hex digits); no defence against anybody who wants a
/// collision.
std::string content_hash(std::string_view bytes);

}  // namespace ndr
