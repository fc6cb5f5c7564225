#include "supervisor/shim/slice_run.hpp"

#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <ctime>
#include <system_error>

#include "supervisor/shim/proc_text.hpp"
#include "supervisor/shim/process_tree.hpp"

namespace ndr {
namespace {

constexpr std::int64_t look_ms = 250;
constexpr std::int64_t most_kill_ms = 2000;

std::int64_t now_us() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

std::vector<char*> c_texts(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts)
    pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// By posix_spawn, which copies no memory of ours.
class Spawn {
public:
  explicit Spawn(const SliceRunStart& start) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_adddup2(&actions_, start.output, 1);
    ::posix_spawn_file_actions_adddup2(&actions_, start.output, 2);
    ::posix_spawn_file_actions_addchdir_np(&actions_, start.working_folder.c_str());
    sigset_t signals;
    sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~Spawn() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;

  int operator()(pid_t& pid, const std::vector<char*>& argv, const std::vector<char*>& envp) const {
    return ::posix_spawn(&pid, argv.front(), &actions_, &attributes_, argv.data(), envp.data());
  }

private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

/// What the tree of a run does, seen twice to tell whether it gets on.
struct TreeWork {
  std::int64_t ticks = 0;
  std::uint64_t threads = 0;  // their ids, mixed: another number where one came or went
  bool is_runnable = false;   // or waits for a disk
};

void add_work(int pid, TreeWork& work) {
  const std::string folder = "/proc/" + std::to_string(pid) + "/task";
  for (const int thread : numbers_in(folder)) {
    work.threads += static_cast<std::uint64_t>(thread) * 0x9e3779b97f4a7c15u;
    const std::string text = proc_text(folder + "/" + std::to_string(thread) + "/stat").value_or("");
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos || name_end + 2 >= text.size()) continue;
    std::string_view rest = std::string_view{text}.substr(name_end + 2);
    work.is_runnable = work.is_runnable || rest.front() == 'R' || rest.front() == 'D';
    for (int field = 3; field <= 15 && !rest.empty(); ++field) {
      const std::size_t space = std::min(rest.find(' '), rest.size());
      std::int64_t ticks = 0;
      if (field >= 14) std::from_chars(rest.data(), rest.data() + space, ticks);
      work.ticks += ticks;
      rest.remove_prefix(std::min(space + 1, rest.size()));
    }
  }
}

TreeWork tree_work() {
  TreeWork work;
  for (const ProcessStat& process : live_descendants(::getpid()))
    add_work(process.pid, work);
  return work;
}

class RunWait {
public:
  RunWait(pid_t leader, const SliceRunStart& start, std::int64_t began_us)
      : leader_(leader), start_(start), began_us_(began_us) {
    next_look_us_ = began_us_ + std::min(start.limit_ms / 2, look_ms) * 1000;
  }

  SliceRunEnd until_over() {
    while (!leader_ended_) {
      reap();
      if (leader_ended_) break;
      if (is_told_to_end()) end_.was_cut = true;
      if (end_.was_cut || end_.stood_still || end_.wrote_too_much) {
        kill_all();
        continue;
      }
      wait_until(next_look_us_, true);
      look();
    }
    // It may have ended by the signal that is for us.
    if (is_told_to_end()) end_.was_cut = true;
    clear_up();
    return end_;
  }

private:
  void reap() {
    for (;;) {
      siginfo_t ended{};
      if (::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | __WALL) != 0) {
        children_left_ = false;
        return;
      }
      if (ended.si_pid == 0) return;
      if (ended.si_pid == leader_) note_end(ended);
    }
  }

  void note_end(const siginfo_t& ended) {
    leader_ended_ = true;
    end_.duration_us = now_us() - began_us_;
    if (ended.si_code == CLD_EXITED) {
      end_.exit_code = ended.si_status;
      end_.stood_still = false;  // it ended by itself in the moment when it was to be killed
    } else {
      end_.term_signal = ended.si_status;
    }
  }

  /// `hears_end`: also until somebody wants us to end.
  void wait_until(std::int64_t at_us, bool hears_end) {
    const std::int64_t left = std::max<std::int64_t>(0, at_us - now_us());
    const timespec timeout{left / 1000000, (left % 1000000) * 1000};
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    if (hears_end) sigaddset(&awaited, SIGINT);
    if (hears_end) sigaddset(&awaited, SIGTERM);
    siginfo_t what{};
    const int number = ::sigtimedwait(&awaited, &what, &timeout);
    // Back into the queue: whoever asks later is to hear it too.
    if (number == SIGINT || number == SIGTERM) ::raise(number);
  }

  void look() {
    const std::int64_t now = now_us();
    if (now < next_look_us_) return;
    // Where we ourselves had to wait so long for a CPU, nobody can be blamed for standing still.
    const bool is_starved = now - next_look_us_ > look_ms * 1000;
    next_look_us_ = now + look_ms * 1000;
    struct stat status {};
    if (::fstat(start_.output, &status) == 0 && status.st_size > most_run_output) end_.wrote_too_much = true;
    const std::int64_t limit_us = start_.limit_ms * 1000;
    if (now - began_us_ < limit_us / 2) return;
    const TreeWork work = tree_work();
    const bool gets_on = work.is_runnable || work.ticks > last_.ticks + 1 || work.threads != last_.threads;
    if (gets_on || is_starved || still_since_us_ == 0) still_since_us_ = now;
    last_ = work;
    const bool stands_still = now - began_us_ >= limit_us && now - still_since_us_ >= limit_us / 2;
    end_.stood_still = stands_still || now - began_us_ >= longest_run_ms(start_.limit_ms) * 1000;
  }

  void kill_all() {
    ::kill(-leader_, SIGKILL);
    for (const ProcessStat& process : live_descendants(::getpid()))
      signal_process(process, SIGKILL);
    wait_until(now_us() + 10000, false);
  }

  /// What the leader left behind.
  void clear_up() {
    reap();
    if (!children_left_) return;
    end_.leftovers = static_cast<int>(live_descendants(::getpid()).size());
    const std::int64_t latest_us = now_us() + most_kill_ms * 1000;
    while (children_left_ && now_us() < latest_us) {
      kill_all();
      reap();
    }
  }

  pid_t leader_;
  const SliceRunStart& start_;
  std::int64_t began_us_;
  std::int64_t next_look_us_ = 0;
  std::int64_t still_since_us_ = 0;
  TreeWork last_;
  bool leader_ended_ = false;
  bool children_left_ = true;
  SliceRunEnd end_;
};

}  // namespace

bool is_told_to_end() {
  sigset_t pending;
  return ::sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1);
}

Checked<SliceRunEnd> perform_slice_run(const SliceRunStart& start) {
  std::vector<std::string> environment;
  environment.reserve(start.environment.size());
  for (const auto& [name, value] : start.environment)
    environment.push_back(std::string{name}.append("=").append(value));
  const std::vector<char*> argv = c_texts(start.command);
  const std::vector<char*> envp = c_texts(environment);
  const Spawn spawn{start};
  pid_t pid = 0;
  const std::int64_t began_us = now_us();
  const int error = spawn(pid, argv, envp);
  if (error != 0) return Refusal{"command", "cannot start " + start.command.front() + ": " + std::strerror(error), ""};
  return RunWait{pid, start, began_us}.until_over();
}

}  // namespace ndr
