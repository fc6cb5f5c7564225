#include "storage/atomic_file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace ndr {
namespace {

[[noreturn]] void fail(const char* what, const std::string& name, int error = errno) {
  throw std::system_error{error, std::generic_category(), what + (" " + name)};
}

void write_all(int fd, std::string_view bytes, const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", name);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// The temporary file of one write; removed unless it got its name.
class Draft {
public:
  Draft(int folder, const std::string& name)
      : folder_(folder), temporary_("." + name + "." + std::to_string(::getpid()) + ".tmp") {
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    file_.reset(::openat(folder_, temporary_.c_str(), flags, 0600));
    if (!file_ && errno == EEXIST) {  // of a process with our pid that died while writing
      ::unlinkat(folder_, temporary_.c_str(), 0);
      file_.reset(::openat(folder_, temporary_.c_str(), flags, 0600));
    }
    if (!file_) fail("create", temporary_);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    if (!named_) ::unlinkat(folder_, temporary_.c_str(), 0);
  }

  void fill(std::string_view bytes, unsigned mode, Durability durability) {
    write_all(file_.get(), bytes, temporary_);
    if (::fchmod(file_.get(), mode) != 0) fail("set the mode of", temporary_);
    const bool later = durability == Durability::later;
    const int synced = later ? ::sync_file_range(file_.get(), 0, 0, SYNC_FILE_RANGE_WRITE) : ::fdatasync(file_.get());
    if (synced != 0 && !later) fail("sync", temporary_);
  }
  void rename_to(const std::string& name) {
    if (::renameat(folder_, temporary_.c_str(), folder_, name.c_str()) != 0) fail("rename to", name);
    named_ = true;
  }

private:
  int folder_;
  std::string temporary_;
  UniqueFd file_;
  bool named_ = false;
};

UniqueFd open_regular(const std::filesystem::path& file, struct stat& status) {
  // O_NONBLOCK: opening a FIFO that somebody put here must not wait for its writer.
  UniqueFd fd{::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  if (!fd) fail("open", file.string());
  if (::fstat(fd.get(), &status) != 0) fail("stat", file.string());
  if (!S_ISREG(status.st_mode)) fail("read (not a regular file)", file.string(), EINVAL);
  return fd;
}

/// Up to one byte more than `limit`, so that the caller sees a file that grew meanwhile.
std::string read_beyond(const UniqueFd& fd, std::uint64_t limit, const std::string& name) {
  std::string bytes;
  std::array<char, 16384> block;
  while (bytes.size() <= limit) {
    const std::uint64_t room = limit + 1 - bytes.size();
    const ssize_t got = ::read(fd.get(), block.data(), room < block.size() ? room : block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", name);
    if (got == 0) break;
    bytes.append(block.data(), static_cast<std::size_t>(got));
  }
  return bytes;
}

}  // namespace

void write_file_atomically(const std::filesystem::path& file, std::string_view bytes, unsigned mode,
                           Durability durability) {
  const std::filesystem::path parent = file.has_parent_path() ? file.parent_path() : ".";
  const UniqueFd folder{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder) fail("open", parent.string());
  write_file_atomically(folder, file.filename().string(), bytes, mode, durability);
}

void write_file_atomically(const UniqueFd& folder, const std::string& name, std::string_view bytes, unsigned mode,
                           Durability durability) {
  Draft draft{folder.get(), name};
  draft.fill(bytes, mode, durability);
  draft.rename_to(name);
  if (durability == Durability::now && ::fsync(folder.get()) != 0) fail("sync the folder of", name);
}

std::string read_file(const std::filesystem::path& file, std::uint64_t limit) {
  struct stat status {};
  const UniqueFd fd = open_regular(file, status);
  std::string bytes = read_beyond(fd, limit, file.string());
  if (bytes.size() > limit) fail("read (too big)", file.string(), EFBIG);
  return bytes;
}

std::string read_start(const std::filesystem::path& file, std::uint64_t limit) {
  struct stat status {};
  const UniqueFd fd = open_regular(file, status);
  std::string bytes = read_beyond(fd, limit, file.string());
  if (bytes.size() > limit) bytes.resize(limit);
  return bytes;
}

UniqueFd open_beneath(const UniqueFd& folder, const std::filesystem::path& relative, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, folder.get(), relative.c_str(), &how, sizeof how);
    if (fd >= 0) return UniqueFd{static_cast<int>(fd)};
    if (errno != EINTR && errno != EAGAIN) fail("open beneath the case", relative.string());
  }
}

std::string content_hash(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;  // Fowler, Noll, Vo: offset basis and prime for 64 bits
  for (const char byte : bytes) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 0x100000001b3;
  }
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

}  // namespace ndr
