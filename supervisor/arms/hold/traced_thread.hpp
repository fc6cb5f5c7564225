#pragma once
#include <signal.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "supervisor/arms/hold/address_space.hpp"
#include "supervisor/arms/hold/delay_book.hpp"

namespace ndr::hold {

/// A process of the command.
struct TracedProcess {
  TracedProcess(const std::string& report, pid_t pid, pid_t its_parent) : parent(its_parent), book(report, pid) {}
  pid_t parent;
  bool is_open = false;  // has made a thread or a process, or was made without an exec: its calls may be held
  DelayBook book;
};

/// How a stopped thread goes on: to the next event, to the end of the call it is about to make, or by one instruction.
enum class GoOn { to_event, to_end_of_call, one_instruction };

struct TracedThread {
  pid_t tid = 0;
  pid_t pid = 0;  // of its process
  std::shared_ptr<TracedProcess> process;
  std::shared_ptr<AddressSpace> space;
  std::uint64_t hold_number = 0;
  bool is_held = false;
  bool is_new = true;       // its first stop is still to come
  bool is_adopted = false;  // its maker died before it reported it
  bool holds_after_call = false;
  std::optional<std::uint64_t> passes;  // the breakpoint that it is going past
  GoOn go_on = GoOn::to_event;
};

// What a stopped thread is asked and told. A thread that was killed in the meantime answers nothing and is told in
// vain; its end is reported as that of any other.
void resume(pid_t tid, GoOn go_on, int signal);
/// Leaves a thread in its group stop until SIGCONT.
void listen(pid_t tid);
std::optional<unsigned long> event_message(pid_t tid);
std::optional<siginfo_t> signal_of(pid_t tid);
/// Where it stands.
std::optional<std::uint64_t> instruction_of(pid_t tid);
void set_instruction(pid_t tid, std::uint64_t address);
/// Whether two threads have one memory.
bool share_memory(pid_t one, pid_t other);
bool is_thread_of(pid_t pid, pid_t tid);

}  // namespace ndr::hold
