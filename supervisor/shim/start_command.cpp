#include "supervisor/shim/start_command.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

namespace ndr {
namespace {

enum class Stage : int { cgroup, input, output, folder, program };

/// What the child says on the pipe that its exec closes.
struct Trouble {
  Stage stage;
  int error;
};

/// All that the child needs, made before it exists: after the fork it makes system calls only.
struct ChildPlan {
  std::vector<char*> argv;
  std::vector<char*> envp;
  const char* folder = nullptr;
  int output = -1;
  int cgroup_procs = -1;         // of the cgroup that it has yet to enter
  bool tells_no_cgroup = false;  // there is one, and no way into it
  int trouble = -1;
};

void tell(const ChildPlan& plan, Stage stage) {
  const Trouble trouble{stage, errno};
  // Nobody is there to hear of a failure here; the parent sees the end of the pipe and our exit.
  [[maybe_unused]] const ssize_t told = ::write(plan.trouble, &trouble, sizeof trouble);
}

[[noreturn]] void fail_in_child(const ChildPlan& plan, Stage stage) {
  tell(plan, stage);
  ::_exit(127);
}

void reset_signals() {
  struct sigaction by_default {};
  by_default.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    ::sigaction(number, &by_default, nullptr);  // refused for SIGKILL and SIGSTOP, which nobody can change
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become_command(const ChildPlan& plan) {
  ::setpgid(0, 0);
  const bool kept_out = plan.cgroup_procs >= 0 && ::write(plan.cgroup_procs, "0", 1) != 1;
  if (kept_out || plan.tells_no_cgroup) tell(plan, Stage::cgroup);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing < 0 || ::dup2(nothing, 0) < 0) fail_in_child(plan, Stage::input);
  if (::dup2(plan.output, 1) < 0 || ::dup2(plan.output, 2) < 0) fail_in_child(plan, Stage::output);
  if (::chdir(plan.folder) != 0) fail_in_child(plan, Stage::folder);
  reset_signals();
  ::execve(plan.argv.front(), plan.argv.data(), plan.envp.data());
  fail_in_child(plan, Stage::program);
}

/// fork() that begins in a cgroup. Copies our memory as fork does; the process is small. Negative: not possible here.
pid_t fork_into(const OwnCgroup& cgroup) {
  clone_args how{};
  how.flags = CLONE_INTO_CGROUP;
  how.exit_signal = SIGCHLD;
  how.cgroup = static_cast<std::uint64_t>(cgroup.folder());
  return static_cast<pid_t>(::syscall(SYS_clone3, &how, sizeof how));
}

/// Both in the child (0) and in the parent, as fork(): in the cgroup from the first instruction on, else the child is
/// to move itself before its exec (before Linux 5.7, and where clone3 is filtered).
pid_t fork_child(ChildPlan& plan, const OwnCgroup* cgroup, UniqueFd& procs) {
  if (cgroup == nullptr) return ::fork();
  const pid_t pid = fork_into(*cgroup);
  if (pid >= 0) return pid;
  procs.reset(::openat(cgroup->folder(), "cgroup.procs", O_WRONLY | O_CLOEXEC));
  plan.cgroup_procs = procs.get();
  plan.tells_no_cgroup = !procs;
  return ::fork();
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts)
    pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

Refusal refusal_of(const Trouble& trouble, const CommandStart& start) {
  const std::string why = std::strerror(trouble.error);
  switch (trouble.stage) {
    case Stage::input:
      return {"command", "cannot open /dev/null: " + why, ""};
    case Stage::output:
      return {"log", "cannot be the command's output: " + why, ""};
    case Stage::folder:
      return {"working_folder", "cannot enter " + start.working_folder.string() + ": " + why, ""};
    case Stage::cgroup:
    case Stage::program:
      break;
  }
  return {"command", "cannot start " + start.command.front() + ": " + why, ""};
}

/// What the child told until its exec: the first thing that stopped it, else whether it is in its cgroup.
struct Outcome {
  std::optional<Trouble> trouble;
  bool entered_cgroup = true;
};

Outcome hear_child(int pipe) {
  Outcome outcome;
  Trouble trouble{};
  for (;;) {
    const ssize_t got = ::read(pipe, &trouble, sizeof trouble);
    if (got < 0 && errno == EINTR) continue;
    if (got != static_cast<ssize_t>(sizeof trouble)) return outcome;
    if (trouble.stage == Stage::cgroup)
      outcome.entered_cgroup = false;
    else
      outcome.trouble = trouble;
  }
}

}  // namespace

Checked<StartedCommand> start_command(const CommandStart& start) {
  std::vector<std::string> environment;
  for (const auto& [name, value] : start.environment)
    environment.push_back(std::string{name}.append("=").append(value));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error{errno, std::generic_category(), "make a pipe"};
  const UniqueFd hear{ends[0]};
  UniqueFd tell_end{ends[1]};
  ChildPlan plan;
  plan.argv = pointers_to(start.command);
  plan.envp = pointers_to(environment);
  plan.folder = start.working_folder.c_str();
  plan.output = start.output;
  plan.trouble = tell_end.get();
  UniqueFd procs;
  const pid_t pid = fork_child(plan, start.cgroup, procs);
  if (pid == 0) become_command(plan);
  if (pid < 0) return Refusal{"command", std::string("cannot fork: ") + std::strerror(errno), ""};
  tell_end.reset();
  const Outcome outcome = hear_child(hear.get());
  if (outcome.trouble) {
    ::waitpid(pid, nullptr, 0);
    return refusal_of(*outcome.trouble, start);
  }
  return StartedCommand{pid, start.cgroup != nullptr && outcome.entered_cgroup};
}

}  // namespace ndr
