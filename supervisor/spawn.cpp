#include "supervisor/spawn.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "analyzer/assert.hpp"

namespace ndr {
namespace {

[[noreturn]] void fail(int error, const std::string& doing) {
  throw std::system_error{error, std::generic_category(), doing};
}

void check(int error, const char* doing) {
  if (error != 0) fail(error, doing);
}

/// The fds and the rest of the new process, as posix_spawn wants them.
class SpawnPlan {
public:
  SpawnPlan() {
    check(::posix_spawn_file_actions_init(&actions_), "prepare a process");
    check(::posix_spawnattr_init(&attributes_), "prepare a process");
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  void give(int fd, int as) {
    if (fd < 0) {
      check(::posix_spawn_file_actions_addopen(&actions_, as, "/dev/null", O_RDWR, 0), "prepare /dev/null");
      return;
    }
    // Copied above the targets first: a source that is itself 0 to 3 would be overwritten before its turn.
    UniqueFd copy{::fcntl(fd, F_DUPFD_CLOEXEC, 10)};
    if (!copy) fail(errno, "copy a descriptor for a new process");
    check(::posix_spawn_file_actions_adddup2(&actions_, copy.get(), as), "prepare a descriptor");
    copies_.push_back(std::move(copy));
  }
  void close_from(int first) {
    check(::posix_spawn_file_actions_addclosefrom_np(&actions_, first), "prepare the descriptors");
  }
  void start_clean() {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    check(::posix_spawnattr_setsigmask(&attributes_, &none), "prepare the signal mask");
    check(::posix_spawnattr_setsigdefault(&attributes_, &all), "prepare the signals");
    const int flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    check(::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags)), "prepare a session");
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  std::vector<UniqueFd> copies_;
};

}  // namespace

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(errno, "make a pipe");
  Pipe pipe{UniqueFd{ends[0]}, UniqueFd{ends[1]}};
  if (::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) != 0) fail(errno, "make a pipe non-blocking");
  return pipe;
}

UniqueFd memory_file(const char* name, std::string_view bytes) {
  UniqueFd file{::memfd_create(name, MFD_CLOEXEC)};
  if (!file) fail(errno, "make a memory file");
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) fail(errno, "write a memory file");
    bytes.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) fail(errno, "rewind a memory file");
  return file;
}

std::string read_start(const UniqueFd& file, std::size_t limit) {
  std::string text(limit, '\0');
  const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return text;
}

Spawned spawn(const std::filesystem::path& program, const std::vector<std::string>& arguments, const SpawnFds& fds) {
  SpawnPlan plan;
  plan.give(fds.input, 0);
  plan.give(fds.output, 1);
  plan.give(fds.error, 2);
  if (fds.ready >= 0) plan.give(fds.ready, 3);
  plan.close_from(fds.ready >= 0 ? 4 : 3);
  plan.start_clean();
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  Spawned spawned;
  const int error =
      ::posix_spawn(&spawned.pid, program.c_str(), plan.actions(), plan.attributes(), argv.data(), environ);
  if (error != 0) fail(error, "start " + program.string());
  spawned.pidfd = open_pidfd(spawned.pid);
  if (!spawned.pidfd) {  // out of descriptors: nobody could wait for it
    const int reason = errno;
    ::kill(spawned.pid, SIGKILL);  // our own child, not reaped yet: the pid is its
    ::waitpid(spawned.pid, nullptr, 0);
    fail(reason, "open a handle of " + program.string());
  }
  return spawned;
}

UniqueFd open_pidfd(int pid) { return UniqueFd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))}; }

bool send_signal(int pidfd, int number) { return ::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0) == 0; }

}  // namespace ndr
