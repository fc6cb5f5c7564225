#include "supervisor/shim/folder_claim.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <system_error>

namespace ndr {
namespace {

[[noreturn]] void fail(const std::string& doing) { throw std::system_error{errno, std::generic_category(), doing}; }

void append(const UniqueFd& file, const std::string& text) {
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) fail("write shim.lock");
}

Refusal taken(const AttemptFolder& folder, std::string reason) {
  return {folder.root().string(), std::move(reason), "every attempt needs a folder of its own"};
}

/// A file name that is gone at the end of the scope.
struct ShortLived {
  std::filesystem::path path;
  ~ShortLived() { ::unlink(path.c_str()); }
};

/// Renames, but never over another file; by a second link where the file system cannot do that in one.
bool give_name(const std::filesystem::path& draft, const std::filesystem::path& name) {
  if (::renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) == 0) return true;
  return errno != EEXIST && ::link(draft.c_str(), name.c_str()) == 0;
}

/// Waits for the lock in the kernel; the alarm ends a wait for somebody who never lets go.
bool lock_within(const UniqueFd& file, unsigned seconds) {
  struct sigaction wake {};
  wake.sa_handler = [](int) {};
  ::sigaction(SIGALRM, &wake, nullptr);
  ::alarm(seconds);
  const bool locked = ::flock(file.get(), LOCK_EX) == 0;
  ::alarm(0);
  return locked;
}

}  // namespace

Checked<FolderClaim> FolderClaim::take(const AttemptFolder& folder, const ShimRecord& record) {
  std::filesystem::create_directories(folder.root());
  struct stat ended {};
  if (::lstat(folder.exit().c_str(), &ended) == 0) return taken(folder, "has ended: it has an exit.json already");
  const ShortLived draft{folder.root() / (".shim.lock." + std::to_string(record.shim.pid))};
  ::unlink(draft.path.c_str());  // of a process with our pid that died here
  UniqueFd lock{::open(draft.path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND | O_CLOEXEC, 0640)};
  if (!lock) fail("create " + draft.path.string());
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) fail("lock " + draft.path.string());
  append(lock, to_text(record));
  if (give_name(draft.path, folder.lock())) return FolderClaim{std::move(lock)};
  if (errno != EEXIST) fail("create " + folder.lock().string());
  return taken(folder, "is taken: it has a shim.lock already");
}

Checked<FolderClaim> FolderClaim::take_over(const AttemptFolder& folder) {
  const Refusal held{folder.root().string(), "is held by a live shim", "stop the run instead"};
  const std::optional<ProcessIdentity> owner = shim_identity(folder);
  if (owner && process_identity(owner->pid) == owner) return held;
  UniqueFd lock{::open(folder.lock().c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_APPEND | O_CLOEXEC)};
  if (!lock) fail("open " + folder.lock().string());
  // The owner is dead: whoever has the lock now only looks at it (shim_state) and lets go at once.
  if (lock_within(lock, 2)) return FolderClaim{std::move(lock)};
  return held;
}

void FolderClaim::add_run(const ProcessIdentity& run) const { append(lock_, "run " + to_text(run)); }

}  // namespace ndr
