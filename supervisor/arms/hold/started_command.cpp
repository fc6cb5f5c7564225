#include "supervisor/arms/hold/started_command.hpp"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "supervisor/arms/hold/call_filter.hpp"

namespace ndr::hold {
namespace {

struct CommandPipes {
  std::array<int, 2> start{-1, -1};    // a byte: go
  std::array<int, 2> answers{-1, -1};  // an errno of the filter (0: it stands), then one of execvp() if that failed
};

// The leak check of a sanitizer traces its own process, which fails where that is traced already.
void switch_leak_check_off() {
  const char* name = "LSAN_OPTIONS";
  const char* given = ::getenv(name);
  const std::string options = given == nullptr || *given == '\0' ? "" : std::string{given} + ":";
  ::setenv(name, (options + "detect_leaks=0").c_str(), 1);
}

[[noreturn]] void become_command(const std::vector<std::string>& command, bool filters_calls,
                                 const InheritedSignals& signals, const CommandPipes& pipes) {
  std::vector<char*> words;
  for (const std::string& word : command)
    words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  char go = 0;
  if (::read(pipes.start[0], &go, 1) != 1) ::_exit(125);
  // Behind the seizing: a filter without a tracer would make the calls fail.
  const int refused = filters_calls ? install_call_filter() : 0;
  if (::write(pipes.answers[1], &refused, sizeof refused) != sizeof refused || refused != 0) ::_exit(125);
  if (signals.ignores_children) ::signal(SIGCHLD, SIG_IGN);
  ::sigprocmask(SIG_SETMASK, &signals.mask, nullptr);
  switch_leak_check_off();
  ::execvp(words[0], words.data());
  const int error = errno;
  if (::write(pipes.answers[1], &error, sizeof error) < 0) ::_exit(125);
  ::_exit(127);
}

std::string why_not_traced(int error) {
  std::string why = std::string{"ptrace: "} + ::strerror(error);
  int scope = 0;
  std::ifstream yama{"/proc/sys/kernel/yama/ptrace_scope"};
  if (yama >> scope && scope > 1)
    return why + "; kernel.yama.ptrace_scope is " + std::to_string(scope) + ": set it to 1, or run as root";
  return why + "; allow it (in a container --cap-add=SYS_PTRACE), and let no debugger trace this program";
}

CannotTrace given_up(pid_t child, std::string why) {
  ::kill(child, SIGKILL);
  while (::waitpid(child, nullptr, __WALL) < 0 && errno == EINTR) {
  }
  return {std::move(why)};
}

}  // namespace

std::variant<StartedCommand, CannotTrace> start_command(const std::vector<std::string>& command, bool filters_calls,
                                                        const InheritedSignals& signals) {
  CommandPipes pipes;
  if (::pipe2(pipes.start.data(), O_CLOEXEC) != 0 || ::pipe2(pipes.answers.data(), O_CLOEXEC) != 0)
    return CannotTrace{std::string{"pipe: "} + ::strerror(errno)};
  const pid_t child = ::fork();
  if (child < 0) return CannotTrace{std::string{"fork: "} + ::strerror(errno)};
  if (child == 0) {
    ::close(pipes.start[1]);
    become_command(command, filters_calls, signals, pipes);
  }
  ::close(pipes.start[0]);
  ::close(pipes.answers[1]);
  constexpr unsigned long options = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                                    PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD |
                                    PTRACE_O_EXITKILL;
  if (::ptrace(PTRACE_SEIZE, child, nullptr, options) != 0) return given_up(child, why_not_traced(errno));
  const char go = 1;
  if (::write(pipes.start[1], &go, 1) != 1) return given_up(child, "the command's process ended before its start");
  ::close(pipes.start[1]);
  return StartedCommand{child, pipes.answers[0]};
}

std::optional<int> failure_to_run(const StartedCommand& started) {
  std::array<int, 2> answers{};
  std::size_t got = 0;
  ::fcntl(started.failures, F_SETFL, O_NONBLOCK);
  const ssize_t size = ::read(started.failures, answers.data(), sizeof answers);
  if (size > 0) got = static_cast<std::size_t>(size) / sizeof answers[0];
  if (got == 1 && answers[0] != 0) return -answers[0];
  return got == 2 ? std::optional{answers[1]} : std::nullopt;
}

}  // namespace ndr::hold
