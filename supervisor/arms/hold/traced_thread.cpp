#include "supervisor/arms/hold/traced_thread.hpp"

#include <elf.h>
#include <linux/kcmp.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#include <string>

namespace ndr::hold {

void resume(pid_t tid, GoOn go_on, int signal) {
  switch (go_on) {
    case GoOn::to_event:
      ::ptrace(PTRACE_CONT, tid, nullptr, signal);
      return;
    case GoOn::to_end_of_call:
      ::ptrace(PTRACE_SYSCALL, tid, nullptr, signal);
      return;
    case GoOn::one_instruction:
      ::ptrace(PTRACE_SINGLESTEP, tid, nullptr, signal);
      return;
  }
}

void listen(pid_t tid) { ::ptrace(PTRACE_LISTEN, tid, nullptr, nullptr); }

std::optional<unsigned long> event_message(pid_t tid) {
  unsigned long message = 0;
  if (::ptrace(PTRACE_GETEVENTMSG, tid, nullptr, &message) != 0) return std::nullopt;
  return message;
}

std::optional<siginfo_t> signal_of(pid_t tid) {
  siginfo_t signal{};
  if (::ptrace(PTRACE_GETSIGINFO, tid, nullptr, &signal) != 0) return std::nullopt;
  return signal;
}

#if defined(__x86_64__)

std::optional<std::uint64_t> instruction_of(pid_t tid) {
  errno = 0;
  const long address = ::ptrace(PTRACE_PEEKUSER, tid, offsetof(user, regs.rip), nullptr);
  if (errno != 0) return std::nullopt;
  return static_cast<std::uint64_t>(address);
}

void set_instruction(pid_t tid, std::uint64_t address) {
  ::ptrace(PTRACE_POKEUSER, tid, offsetof(user, regs.rip), address);
}

#else

std::optional<std::uint64_t> instruction_of(pid_t tid) {
  user_regs_struct registers{};
  iovec place{&registers, sizeof registers};
  if (::ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &place) != 0) return std::nullopt;
  return registers.pc;
}

void set_instruction(pid_t, std::uint64_t) {}  // no breakpoints on this machine

#endif

bool share_memory(pid_t one, pid_t other) { return ::syscall(SYS_kcmp, one, other, KCMP_VM, 0, 0) == 0; }

bool is_thread_of(pid_t pid, pid_t tid) {
  return ::access(("/proc/" + std::to_string(pid) + "/task/" + std::to_string(tid)).c_str(), F_OK) == 0;
}

}  // namespace ndr::hold
