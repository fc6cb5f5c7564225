#include "supervisor/arms/preempt/preempter.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <latch>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "supervisor/arms/preempt/affinity.hpp"

namespace ndr {
namespace {

// Above what a run may give itself by the library (PCT: up to 49), below the kernel's own threads (50 and more on
// kernels of real time wait for interrupts, which we only delay by a spin).
constexpr int preempt_priority = 50;

// Of the calling thread, and of the threads that it makes. Async-signal-safe.
PreemptClass take_class() {
  sched_param priority{};
  priority.sched_priority = preempt_priority;
  if (::sched_setscheduler(0, SCHED_FIFO, &priority) == 0) return PreemptClass::fifo;
  return ::setpriority(PRIO_PROCESS, 0, -20) == 0 ? PreemptClass::nice : PreemptClass::plain;
}

std::int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * std::int64_t{1000000000} + now.tv_nsec;
}

void pause_for(std::int64_t ns) {
  const timespec pause{static_cast<time_t>(ns / 1000000000), static_cast<long>(ns % 1000000000)};
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, nullptr);
}

[[noreturn]] void disturb(const PreemptSettings& settings, int cpu, pid_t owner, std::latch& ready) {
  if (pin_to_cpu(cpu) != 0) ::_exit(1);
  SpinSchedule schedule{settings, cpu};
  ready.count_down();
  for (;;) {
    const SpinSchedule::Turn turn = schedule.next();
    pause_for(turn.pause_ns);
    // The signal at the owner's death may have been missed: it is asked for after the fork.
    if (::getppid() != owner) ::_exit(0);
    const std::int64_t end = monotonic_ns() + turn.spin_ns;
    while (monotonic_ns() < end) {
    }
  }
}

// Nothing of the owner's stays: a pipe held open here would keep a reader waiting.
void leave_owner(pid_t owner, int& answer) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != owner) ::_exit(0);
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  ::setpgid(0, 0);
  ::prctl(PR_SET_NAME, "ndr-preempt");
  ::prctl(PR_SET_TIMERSLACK, 1);
  if (answer != 0) answer = ::dup2(answer, 0);
  ::syscall(SYS_close_range, 1U, ~0U, 0U);
}

[[noreturn]] void be_preempter(const PreemptSettings& settings, pid_t owner, int answer) {
  leave_owner(owner, answer);
  const std::vector<int> cpus = allowed_cpus();
  if (cpus.empty()) ::_exit(1);
  const char taken = static_cast<char>(take_class());
  std::latch ready{static_cast<std::ptrdiff_t>(cpus.size())};
  std::vector<std::thread> threads;
  threads.reserve(cpus.size());
  for (const int cpu : cpus)
    threads.emplace_back([&settings, &ready, cpu, owner] { disturb(settings, cpu, owner, ready); });
  ready.wait();
  if (::write(answer, &taken, 1) != 1) ::_exit(1);
  ::close(answer);
  for (;;)
    ::pause();
}

[[noreturn]] void fail_preempter(int error, const char* doing) {
  throw std::system_error{error, std::generic_category(), doing};
}

// By the handle where there is one: whoever reaps all children of this process may have taken the pid's.
void kill_and_reap(int pid, const UniqueFd& pidfd) {
  if (pidfd)
    ::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0U);
  else
    ::kill(pid, SIGKILL);
  siginfo_t how{};
  const auto of = static_cast<idtype_t>(pidfd ? P_PIDFD : P_PID);
  const auto which = static_cast<id_t>(pidfd ? pidfd.get() : pid);
  while (::waitid(of, which, &how, WEXITED) != 0 && errno == EINTR) {
  }
}

}  // namespace

std::string_view to_text(PreemptClass taken) {
  switch (taken) {
    case PreemptClass::fifo:
      return "fifo";
    case PreemptClass::nice:
      return "nice";
    case PreemptClass::plain:
      return "plain";
  }
  return "plain";
}

PreemptClass preempt_class_here() {
  const pid_t child = ::fork();
  if (child < 0) fail_preempter(errno, "fork to try the scheduling class");
  if (child == 0) ::_exit(static_cast<int>(take_class()));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) fail_preempter(errno, "wait for the trial of the scheduling class");
  }
  const bool answered = WIFEXITED(status) && WEXITSTATUS(status) <= static_cast<int>(PreemptClass::plain);
  return answered ? static_cast<PreemptClass>(WEXITSTATUS(status)) : PreemptClass::plain;
}

Preempter::Preempter(const PreemptSettings& settings) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail_preempter(errno, "make a pipe for the preempter");
  const UniqueFd answer{ends[0]};
  UniqueFd question{ends[1]};
  const pid_t owner = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) fail_preempter(errno, "fork the preempter");
  if (pid_ == 0) {
    try {
      be_preempter(settings, owner, question.get());
    } catch (...) {  // no thread, no memory: the owner sees the end of the pipe
      ::_exit(1);
    }
  }
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0U)));
  question.reset();
  char taken = 0;
  ssize_t got = 0;
  do
    got = ::read(answer.get(), &taken, 1);
  while (got < 0 && errno == EINTR);
  if (got != 1) {
    end();
    fail_preempter(EAGAIN, "start the preempter's threads");
  }
  taken_ = static_cast<PreemptClass>(taken);
}

Preempter::~Preempter() { end(); }

void Preempter::end() {
  if (pid_ > 0) kill_and_reap(pid_, pidfd_);
  pid_ = -1;
}

}  // namespace ndr
