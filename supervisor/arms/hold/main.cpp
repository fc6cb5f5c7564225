// ndrepro-hold: runs a command and delays its threads and processes from outside, by ptrace.
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/arms/hold/options.hpp"
#include "supervisor/arms/hold/started_command.hpp"
#include "supervisor/arms/hold/tracer.hpp"

namespace ndr::hold {
namespace {

constexpr int cannot_trace_status = 125;
constexpr std::uint64_t ns_per_s = 1'000'000'000;
// A signal to the whole group reaches the command too: it is passed on only where the command has not had it by then.
constexpr std::uint64_t passing_on_ns = 10'000'000;
// What the command left behind and a filter keeps tied to this program has so long to end.
constexpr std::uint64_t longest_rest_ns = ns_per_s;

constexpr std::array passed_on{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

int complain(const std::string& what) {
  std::fprintf(stderr, "ndrepro-hold: %s\n", what.c_str());
  return cannot_trace_status;
}

InheritedSignals take_signals(sigset_t& awaited) {
  InheritedSignals inherited;
  ::sigemptyset(&awaited);
  ::sigaddset(&awaited, SIGCHLD);
  for (const int signal : passed_on)
    ::sigaddset(&awaited, signal);
  ::sigprocmask(SIG_BLOCK, &awaited, &inherited.mask);
  // Ignored, it would not be sent at all.
  inherited.ignores_children = ::signal(SIGCHLD, SIG_DFL) == SIG_IGN;
  return inherited;
}

/// Signals to this program that the command has to get: each a while after it came, unless it got it by itself.
class PassedSignals {
public:
  void add(const siginfo_t& signal) {
    if (signal.si_code != SI_KERNEL) waiting_.emplace_back(signal.si_signo, monotonic_ns());  // a terminal tells all
  }
  std::uint64_t next_ns() const { return waiting_.empty() ? UINT64_MAX : waiting_.front().second + passing_on_ns; }
  void pass_due(std::uint64_t now_ns, pid_t command, const Tracer& tracer) {
    while (!waiting_.empty() && waiting_.front().second + passing_on_ns <= now_ns) {
      const auto [signal, came_ns] = waiting_.front();
      waiting_.erase(waiting_.begin());
      if (tracer.last_given_ns(signal) + passing_on_ns < came_ns && !tracer.ending()) ::kill(command, signal);
    }
  }

private:
  std::vector<std::pair<int, std::uint64_t>> waiting_;
};

/// Drives the tracer until the command has ended, or `until_ns`; then true.
bool trace(Tracer& tracer, pid_t command, const sigset_t& awaited, bool stops_at_end, std::uint64_t until_ns) {
  PassedSignals signals;
  for (;;) {
    int status = 0;
    pid_t tid = 0;
    while ((tid = ::waitpid(-1, &status, __WALL | WNOHANG)) > 0)
      tracer.on_status(tid, status);
    if (tid < 0 || !tracer.has_threads() || (stops_at_end && tracer.ending())) return true;
    std::uint64_t now = monotonic_ns();
    tracer.release_due(now);
    signals.pass_due(now, command, tracer);
    now = monotonic_ns();
    if (now >= until_ns) return false;
    const std::uint64_t next = std::min({until_ns, signals.next_ns(), tracer.next_end_ns().value_or(UINT64_MAX)});
    const std::uint64_t left = next <= now ? 0 : std::min(next - now, 3600 * ns_per_s);
    const timespec pause{static_cast<time_t>(left / ns_per_s), static_cast<long>(left % ns_per_s)};
    siginfo_t signal{};
    if (::sigtimedwait(&awaited, &signal, &pause) > 0 && signal.si_signo != SIGCHLD) signals.add(signal);
  }
}

// As the command ended, so that whoever started this program sees no difference.
[[noreturn]] void end_as(int status) {
  std::fflush(nullptr);
  if (WIFEXITED(status)) ::_exit(WEXITSTATUS(status));
  const int signal = WTERMSIG(status);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);  // a core pattern with a pipe asks no limit
  ::signal(signal, SIG_DFL);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, signal);
  ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
  ::raise(signal);
  ::_exit(128 + signal);
}

std::uint64_t fresh_seed() { return monotonic_ns() * 0x100000001b3U + static_cast<std::uint64_t>(::getpid()); }

int run(const HoldOptions& options) {
  sigset_t awaited;
  const InheritedSignals inherited = take_signals(awaited);
  const bool filters_calls = options.call_chance > 0;
  const auto started = start_command(options.command, filters_calls, inherited);
  if (const auto* refused = std::get_if<CannotTrace>(&started)) return complain("cannot trace: " + refused->why);
  const auto& command = std::get<StartedCommand>(started);
  ::prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);  // behind the fork: the command keeps its own
  Tracer tracer{options, command.pid, options.seed.value_or(fresh_seed())};
  trace(tracer, command.pid, awaited, true, UINT64_MAX);
  if (const auto error = failure_to_run(command)) {
    if (*error < 0)
      return complain(std::string{"cannot trace: seccomp: "} + ::strerror(-*error) + "; leave --calls out");
    complain(options.command.front() + ": " + ::strerror(*error));
    return *error == ENOENT ? 127 : 126;
  }
  if (tracer.has_threads()) {
    tracer.let_go(!filters_calls);
    trace(tracer, command.pid, awaited, false, monotonic_ns() + longest_rest_ns);
  }
  if (!tracer.ending()) return complain("the command's end was not seen");
  end_as(*tracer.ending());
}

int check() {
  HoldOptions options;
  options.call_chance = 1;
  options.call_us = 1;
  options.command = {"/bin/true"};
  sigset_t awaited;
  const InheritedSignals inherited = take_signals(awaited);
  const auto started = start_command(options.command, true, inherited);
  std::string why;
  if (const auto* refused = std::get_if<CannotTrace>(&started)) {
    why = refused->why;
  } else {
    const auto& command = std::get<StartedCommand>(started);
    Tracer tracer{options, command.pid, 1};
    trace(tracer, command.pid, awaited, true, monotonic_ns() + 10 * ns_per_s);
    const auto error = failure_to_run(command);
    if (error) why = (*error < 0 ? "seccomp: " : "/bin/true: ") + std::string{::strerror(std::abs(*error))};
    if (why.empty() && tracer.ending().value_or(1) != 0) why = "/bin/true fails when it is traced";
  }
  std::printf("%s\n", why.empty() ? "ndrepro-hold can work here" : ("ndrepro-hold cannot work here: " + why).c_str());
  return why.empty() ? 0 : 1;
}

std::string what_is_missing(const HoldOptions& options) {
  for (const auto& [name, folder] : {std::pair{"--report", options.report}, std::pair{"--index", options.index}}) {
    struct stat status {};
    if (!folder.empty() && (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)))
      return std::string{name} + ": " + folder + " is no folder; make it first";
  }
  if (!options.near.empty() && ::access(options.near.c_str(), R_OK) != 0)
    return "--near: " + options.near + ": " + ::strerror(errno);
  return {};
}

}  // namespace
}  // namespace ndr::hold

int main(int count, char** words) {
  using namespace ndr::hold;
  const auto options = hold_options_from(std::vector<std::string>{words + 1, words + count});
  if (!options) return complain(to_text(options.error()));
  if (options->task == HoldTask::check) return check();
  if (options->task == HoldTask::help) {
    std::fputs(std::string{hold_help()}.c_str(), stdout);
    return 0;
  }
  if (const std::string missing = what_is_missing(*options); !missing.empty()) return complain(missing);
  return run(*options);
}
