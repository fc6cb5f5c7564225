#include "supervisor/shim/run_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ndr {
namespace {

constexpr std::uint64_t kept_at_each_end = 64ull << 20;
constexpr std::uint64_t block = 4096;

Refusal bad_log(const std::filesystem::path& path, int error) {
  const char* why =
      error == ELOOP || error == ENOTDIR ? "its folder is a symbolic link or no folder" : std::strerror(error);
  return {"log", "cannot create " + path.string() + ": " + why,
          error == EEXIST ? "number the attempt above every log that exists" : ""};
}

}  // namespace

Checked<UniqueFd> create_log(const std::filesystem::path& path) {
  const UniqueFd folder{::open(path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!folder) return bad_log(path, errno);
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND | O_CLOEXEC;
  UniqueFd file{::openat(folder.get(), path.filename().c_str(), flags, 0640)};
  if (!file) return bad_log(path, errno);
  return file;
}

std::uint64_t LogLimit::used() const {
  struct stat status {};
  if (::fstat(file_, &status) != 0) return 0;
  // Blocks only once there is a hole: not every file system counts them (ramfs has none).
  return static_cast<std::uint64_t>(has_hole_ ? status.st_blocks * 512 : status.st_size);
}

std::uint64_t LogLimit::log_bytes() const {
  struct stat status {};
  return ::fstat(file_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

bool LogLimit::hold() {
  if (limit_ == 0 || used() <= limit_) return true;
  const std::uint64_t kept = std::min(kept_at_each_end, limit_ / 4) / block * block;
  const std::uint64_t size = log_bytes();
  if (size <= 2 * kept + block) return true;
  const std::uint64_t end = (size - kept) / block * block;
  const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  while (::fallocate(file_, mode, static_cast<off_t>(kept), static_cast<off_t>(end - kept)) != 0) {
    if (errno != EINTR) return false;
  }
  has_hole_ = true;
  return true;
}

std::optional<std::int64_t> LogLimit::next_look_ms() const {
  if (limit_ == 0) return std::nullopt;
  const std::uint64_t now = used();
  const std::uint64_t room = limit_ > now ? limit_ - now : 0;
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(room / ((1ull << 30) / 1000)), 250, 5000);
}

}  // namespace ndr
