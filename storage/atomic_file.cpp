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

/// Created anew; one of the same name is of a process with our pid that died while writing.
UniqueFd create_draft(int folder, const std::string& name) {
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd file{::openat(folder, name.c_str(), flags, 0600)};
  if (!file && errno == EEXIST) {
    ::unlinkat(folder, name.c_str(), 0);
    file.reset(::openat(folder, name.c_str(), flags, 0600));
  }
  if (!file) fail("create", name);
  return file;
}

void fill(const UniqueFd& file, const std::string& name, std::string_view bytes, unsigned mode, Durability durability) {
  write_all(file.get(), bytes, name);
  if (::fchmod(file.get(), mode) != 0) fail("set the mode of", name);
  if (durability == Durability::later) {
    ::sync_file_range(file.get(), 0, 0, SYNC_FILE_RANGE_WRITE);  // a beginning; what is durable is told elsewhere
  } else if (::fdatasync(file.get()) != 0) {
    fail("sync", name);
  }
}

void name_draft(int folder, const std::string& draft, const std::string& name, Durability durability) {
  if (::renameat(folder, draft.c_str(), folder, name.c_str()) != 0) fail("rename to", name);
  if (durability == Durability::now && ::fsync(folder) != 0) fail("sync the folder of", name);
}

UniqueFd open_folder_of(const std::filesystem::path& file) {
  const std::filesystem::path parent = file.has_parent_path() ? file.parent_path() : ".";
  UniqueFd folder{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder) fail("open", parent.string());
  return folder;
}

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
  write_file_atomically(open_folder_of(file), file.filename().string(), bytes, mode, durability);
}

void write_file_atomically(const UniqueFd& folder, const std::string& name, std::string_view bytes, unsigned mode,
                           Durability durability) {
  const std::string draft = "." + name + "." + std::to_string(::getpid()) + ".tmp";
  const UniqueFd file = create_draft(folder.get(), draft);
  try {
    fill(file, draft, bytes, mode, durability);
    name_draft(folder.get(), draft, name, durability);
  } catch (const std::system_error&) {
    ::unlinkat(folder.get(), draft.c_str(), 0);
    throw;
  }
}

ReservedFile::ReservedFile(const std::filesystem::path& draft, std::uint64_t size)
    : draft_(draft.filename().string()), folder_(open_folder_of(draft)), file_(create_draft(folder_.get(), draft_)) {
  while (::fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP) return;
    const int error = errno;
    ::unlinkat(folder_.get(), draft_.c_str(), 0);  // no destructor runs for what was not constructed
    fail("reserve room for", draft.string(), error);
  }
}

ReservedFile::~ReservedFile() {
  if (file_) ::unlinkat(folder_.get(), draft_.c_str(), 0);
}

void ReservedFile::publish(const std::string& name, std::string_view bytes, unsigned mode) {
  fill(file_, draft_, bytes, mode, Durability::now);
  name_draft(folder_.get(), draft_, name, Durability::now);
  file_.reset();
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

UniqueFd make_folder_beneath(const UniqueFd& root, const std::filesystem::path& relative) {
  UniqueFd folder = open_beneath(root, ".", O_RDONLY | O_DIRECTORY);
  for (const std::filesystem::path& part : relative) {
    if (::mkdirat(folder.get(), part.c_str(), 0755) != 0 && errno != EEXIST) {
      throw std::system_error{errno, std::generic_category(), "make the folder " + part.string()};
    }
    folder = open_beneath(folder, part, O_RDONLY | O_DIRECTORY);
  }
  return folder;
}

}  // namespace ndr
