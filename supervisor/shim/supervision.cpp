#include "supervisor/shim/supervision.hpp"

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "supervisor/clock.hpp"

namespace ndr {
namespace {

/// timeout(1) leads a group and passes what it hears on to all of it.
bool is_told_by_timeout(const ProcessStat& member, const std::vector<ProcessStat>& members) {
  if (member.pid == member.group) return false;
  return std::any_of(members.begin(), members.end(), [&member](const ProcessStat& other) {
    return other.pid == member.group && other.name == "timeout";
  });
}

}  // namespace

Supervision::Supervision(const Supervised& what, SignalFd& signals)
    : what_(what), signals_(signals), log_limit_(what.log, what.log_limit_bytes), began_(steady_ms()) {
  const std::int64_t now = boottime_ms();
  deadline_at_ = now + what_.deadline_ms;
  if (const auto look = log_limit_.next_look_ms()) log_look_at_ = now + *look;
}

AttemptExit Supervision::until_over() {
  for (take_children(); !is_over(); take_children()) {
    look_for_leftovers();
    wait_for_event();
    take_signals();
    take_requests();
    look_at_clock();
  }
  if (stop_began_) exit_.stop_ms = std::max<std::int64_t>(1, steady_ms() - *stop_began_);
  if (!leader_ended_) exit_.duration_ms = steady_ms() - began_;
  if (!log_limit_.hold() && exit_.error.empty()) exit_.error = "the log ended above its limit";
  exit_.log_bytes = log_limit_.log_bytes();
  exit_.killed = static_cast<int>(killed_.size());
  if (what_.cgroup != nullptr) exit_.oom_kills = what_.cgroup->oom_kills();
  return exit_;
}

bool Supervision::is_over() const {
  // Somebody may be in the cgroup and yet no descendant: put there, or gone to a reaper of another pid namespace.
  const bool populated = what_.cgroup != nullptr && what_.cgroup->populated();
  return gave_up_ || (!children_left_ && !populated);
}

std::optional<std::int64_t> Supervision::next_due() const {
  std::optional<std::int64_t> first;
  for (const auto& due : {deadline_at_, log_look_at_, schedule_.next_due()}) {
    if (due && (!first || *due < *first)) first = due;
  }
  return first;
}

void Supervision::wait_for_event() {
  alarm_.set(next_due());
  std::array<pollfd, 4> fds{{{signals_.get(), POLLIN, 0},
                             {alarm_.get(), POLLIN, 0},
                             {what_.control != nullptr ? what_.control->get() : -1, POLLIN, 0},
                             {what_.cgroup != nullptr ? what_.cgroup->events() : -1, POLLPRI, 0}}};
  if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
    throw std::system_error{errno, std::generic_category(), "wait for the run"};
  }
  alarm_.take();
}

void Supervision::take_children() {
  for (;;) {
    siginfo_t ended{};
    if (::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | __WALL) != 0) {
      children_left_ = errno != ECHILD;
      return;
    }
    if (ended.si_pid == 0) return;  // some are left, none has ended
    if (ended.si_pid == what_.leader) note_end_of_leader(ended.si_code, ended.si_status);
  }
}

void Supervision::note_end_of_leader(int code, int status) {
  leader_ended_ = true;
  exit_.duration_ms = steady_ms() - began_;
  if (code == CLD_EXITED)
    exit_.exit_code = status;
  else
    exit_.term_signal = status;
  exit_.core_dumped = code == CLD_DUMPED;
  exit_.leftovers = static_cast<int>(live_members().size());
}

/// After the command itself: a stop goes on as long as somebody is there to hear the signals.
void Supervision::look_for_leftovers() {
  if (!leader_ended_ || schedule_.has_leftovers()) return;
  const std::vector<ProcessStat> members = live_members();
  const auto can_hear = [this](const ProcessStat& member) { return hears(member); };
  if (schedule_.is_asking() && std::any_of(members.begin(), members.end(), can_hear)) return;
  schedule_.leave_leftovers(boottime_ms());
}

void Supervision::take_signals() {
  for (const int number : signals_.take()) {
    if (number != SIGCHLD && what_.heeds_requests) stop(EndCause::stopped, what_.ladder);
  }
}

void Supervision::take_requests() {
  if (what_.control == nullptr) return;
  for (const StopLadder& ladder : what_.control->take()) {
    if (what_.heeds_requests) stop(EndCause::stopped, ladder);
  }
}

void Supervision::look_at_clock() {
  const std::int64_t now = boottime_ms();
  if (deadline_at_ && now >= *deadline_at_) {
    deadline_at_.reset();
    stop(EndCause::deadline, what_.ladder);
  }
  look_at_log(now);
  for (StopStep step = schedule_.next(now); step != StopStep::none; step = schedule_.next(boottime_ms()))
    perform(step);
}

void Supervision::look_at_log(std::int64_t now) {
  if (!log_look_at_ || now < *log_look_at_) return;
  if (log_limit_.hold()) {
    log_look_at_ = now + log_limit_.next_look_ms().value_or(0);
  } else {
    log_look_at_.reset();
    stop(EndCause::log_limit, what_.ladder);
  }
}

void Supervision::stop(EndCause cause, const StopLadder& ladder) {
  if (!leader_ended_ && !stop_began_) {
    exit_.cause = cause;
    stop_began_ = steady_ms();
    exit_.stop_log_bytes = log_limit_.log_bytes();
  }
  schedule_.request(ladder, boottime_ms());
}

void Supervision::perform(StopStep step) {
  switch (step) {
    case StopStep::interrupt:
      return signal_run(SIGINT);
    case StopStep::terminate:
      return signal_run(SIGTERM);
    case StopStep::kill:
      return kill_all();
    case StopStep::give_up:
      gave_up_ = true;
      exit_.unkillable = static_cast<int>(live_members().size());
      return;
    case StopStep::none:
      return;
  }
}

/// Who began a session of its own wants nothing of ours. A group of its own is no such sign: timeout(1) makes one.
bool Supervision::hears(const ProcessStat& member) const {
  return member.pid == what_.leader || member.group == what_.leader || member.session == ::getsid(0);
}

/// Each process once only: a second SIGINT makes pytest drop its teardown.
void Supervision::signal_run(int signal) const {
  const std::vector<ProcessStat> members = live_members();
  // Not reaped yet, so its pid is its own and the group is the run's: in one act, new members too.
  if (!leader_ended_) ::kill(-what_.leader, signal);
  for (const ProcessStat& member : members) {
    const bool has_heard = !leader_ended_ && member.group == what_.leader;
    if (hears(member) && !has_heard && !is_told_by_timeout(member, members)) signal_process(member, signal);
  }
}

void Supervision::kill_all() {
  const std::vector<ProcessStat> members = live_members();
  if (what_.cgroup != nullptr) what_.cgroup->kill();
  for (const ProcessStat& process : members) {
    // Counted where the signal left us, or the cgroup's kill came first.
    signal_process(process, SIGKILL);
    killed_.emplace(process.pid, process.start_time);
  }
}

std::vector<ProcessStat> Supervision::live_members() const {
  std::vector<ProcessStat> members = live_descendants(::getpid());
  if (what_.cgroup == nullptr) return members;
  for (const int pid : what_.cgroup->pids()) {
    const auto same = [pid](const ProcessStat& member) { return member.pid == pid; };
    if (std::any_of(members.begin(), members.end(), same)) continue;
    if (const auto stat = process_stat(pid); stat && !is_dead(*stat)) members.push_back(*stat);
  }
  return members;
}

}  // namespace ndr
