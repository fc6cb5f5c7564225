#pragma once
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <system_error>
#include <utility>

namespace ndr {

/// A forked child that runs `work` with the writing end of a pipe and then waits to be killed; killed and reaped by
/// the end of the scope at the latest. For tests of what another process sees, or of what is left when one dies.
class ChildProcess {
public:
  explicit ChildProcess(const std::function<void(int pipe)>& work) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error{errno, std::generic_category(), "pipe2"};
    pid_ = ::fork();
    if (pid_ < 0) throw std::system_error{errno, std::generic_category(), "fork"};
    if (pid_ == 0) run_and_stay(work, ends[1]);
    ::close(ends[1]);
    output_ = ends[0];
  }
  ~ChildProcess() {
    kill();
    ::close(output_);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  /// The reading end of the pipe.
  int output() const { return output_; }
  /// Up to `size` bytes, waiting for all of them; fewer at the end of the child.
  std::string read(std::size_t size) const {
    std::string bytes(size, '\0');
    std::size_t got = 0;
    while (got < size) {
      const ssize_t count = ::read(output_, bytes.data() + got, size - got);
      if (count < 0 && errno != EINTR) throw std::system_error{errno, std::generic_category(), "read"};
      if (count == 0) break;
      if (count > 0) got += static_cast<std::size_t>(count);
    }
    bytes.resize(got);
    return bytes;
  }
  /// SIGKILL, then wait for its end.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
  }

private:
  [[noreturn]] static void run_and_stay(const std::function<void(int)>& work, int pipe) {
    try {
      work(pipe);
    } catch (...) {
      ::_exit(1);
    }
    for (;;)
      ::pause();
  }

  pid_t pid_ = 0;
  int output_ = -1;
};

}  // namespace ndr
