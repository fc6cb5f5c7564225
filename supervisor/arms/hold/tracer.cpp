#include "supervisor/arms/hold/tracer.hpp"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace ndr::hold {
namespace {

// How long a thread waits for its maker to report it.
constexpr std::uint64_t longest_unknown_ns = 50'000'000;

}  // namespace

std::uint64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

Tracer::Tracer(const HoldOptions& options, pid_t root, std::uint64_t seed)
    : options_(options), root_(root), random_(seed) {
  Thread& thread = threads_[root];
  thread.tid = thread.pid = root;
  thread.is_new = false;
  thread.process = std::make_shared<TracedProcess>(options.report, root, 0);
  thread.space = std::make_shared<AddressSpace>();
}

void Tracer::on_status(pid_t tid, int status) {
  if (!WIFSTOPPED(status)) {
    on_end(tid, status);
    return;
  }
  const auto found = threads_.find(tid);
  if (found == threads_.end()) {
    early_[tid] = status;
    queue_.add({monotonic_ns() + longest_unknown_ns, tid, 0});
    return;
  }
  on_stop(found->second, WSTOPSIG(status), status >> 16);
}

void Tracer::on_stop(Thread& thread, int signal, int event) {
  const bool has_passed = thread.passes.has_value();
  if (has_passed) {
    if (!lets_go_) thread.space->set_again(*thread.passes);
    thread.passes.reset();
  }
  switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
      on_clone(thread, event == PTRACE_EVENT_CLONE);
      return;
    case PTRACE_EVENT_EXEC:
      on_exec(thread);
      return;
    case PTRACE_EVENT_SECCOMP:
      on_call(thread);
      return;
    case PTRACE_EVENT_STOP:
      on_group_or_first_stop(thread, signal);
      return;
    default:
      break;
  }
  if (signal == (SIGTRAP | 0x80))
    on_call_end(thread);
  else if (signal == SIGTRAP)
    on_trap(thread, has_passed);
  else
    on_signal(thread, signal);
}

void Tracer::on_group_or_first_stop(Thread& thread, int signal) {
  if (signal != SIGTRAP && !detaches_) {
    thread.is_new = false;
    listen(thread.tid);
  } else if (detaches_ && stands_behind_breakpoint(thread)) {
    // Its trap may still wait to be told: it comes first, or else the end of one instruction.
    thread.passes = 0;
    resume(thread.tid, GoOn::one_instruction, 0);
  } else if (thread.is_new) {
    on_first_stop(thread);
  } else {
    go_on(thread, GoOn::to_event);
  }
}

bool Tracer::stands_behind_breakpoint(const Thread& thread) {
  const auto behind = instruction_of(thread.tid);
  return behind && thread.space->has(*behind - 1);
}

void Tracer::on_first_stop(Thread& thread) {
  thread.is_new = false;
  hold_start(thread, held_start_share);
}

// x86 stops behind the trap's one byte. A thread that ran into it is set back even if the byte is back already: it came
// before that, and its signal waited.
void Tracer::on_trap(Thread& thread, bool has_passed) {
  const auto signal = signal_of(thread.tid);
  const auto behind = instruction_of(thread.tid);
  if (has_passed && signal && signal->si_code == TRAP_TRACE) {
    go_on(thread, GoOn::to_event);
    return;
  }
  const bool is_trap = signal && (signal->si_code == SI_KERNEL || signal->si_code == TRAP_BRKPT) && behind;
  const auto arrival = is_trap ? thread.space->arrive(thread.tid, *behind - 1) : AddressSpace::Arrival::nothing;
  if (arrival == AddressSpace::Arrival::nothing) {
    on_signal(thread, SIGTRAP);
    return;
  }
  set_instruction(thread.tid, *behind - 1);
  thread.process->book.add_point();
  if (lets_go_ || arrival == AddressSpace::Arrival::late) {
    go_on(thread, GoOn::to_event);
  } else if (arrival == AddressSpace::Arrival::passes) {
    thread.passes = *behind - 1;
    go_on(thread, GoOn::one_instruction);
  } else {
    const std::uint64_t ns = breakpoint_hold_ns(options_.hold_us, random_);
    thread.process->book.add(*behind - 1, ns);
    hold(thread, ns, GoOn::to_event);
  }
}

void Tracer::on_signal(Thread& thread, int signal) {
  if (thread.pid == root_) given_ns_[signal] = monotonic_ns();
  go_on(thread, GoOn::to_event, signal);
}

void Tracer::on_call(Thread& thread) {
  if (lets_go_ || !may_hold_calls(thread)) {
    go_on(thread, GoOn::to_event);
    return;
  }
  thread.process->book.add_point();
  thread.holds_after_call = random_.fraction() < options_.call_chance;
  hold_by_chance(thread, thread.holds_after_call ? GoOn::to_end_of_call : GoOn::to_event);
}

void Tracer::on_call_end(Thread& thread) {
  if (!thread.holds_after_call || lets_go_) {
    go_on(thread, GoOn::to_event);
    return;
  }
  thread.holds_after_call = false;
  const std::uint64_t ns = call_hold_ns(options_.call_us, random_);
  if (const auto address = instruction_of(thread.tid)) thread.process->book.add(*address, ns);
  hold(thread, ns, GoOn::to_event);
}

void Tracer::on_clone(Thread& thread, bool is_plain_clone) {
  const auto child = event_message(thread.tid);
  thread.process->is_open = true;
  // Planted now, before a second thread runs in this memory: what comes before cannot race, and would only cost time.
  // The child first: a copied memory was copied without what is planted here.
  if (child) add_child(thread, static_cast<pid_t>(*child), is_plain_clone);
  thread.space->plant(thread.tid);
  hold_start(thread, held_maker_share);
}

void Tracer::add_child(const Thread& parent, pid_t child, bool is_plain_clone) {
  Thread& made = threads_[child];
  if (made.is_adopted) return;
  made = Thread{};
  made.tid = child;
  const bool is_thread = is_plain_clone && is_thread_of(parent.pid, child);
  made.pid = is_thread ? parent.pid : child;
  if (is_thread) {
    made.process = parent.process;
    made.space = parent.space;
  } else {
    made.process = std::make_shared<TracedProcess>(options_.report, child, parent.pid);
    made.process->is_open = true;
    made.space = share_memory(parent.tid, child) ? parent.space : parent.space->copied_to(child);
    made.space->plant(child);
  }
  const auto early = early_.extract(child);
  if (!early.empty()) on_status(child, early.mapped());
}

// A thread that was killed before it could report its child leaves one that nobody would let run.
void Tracer::adopt(pid_t tid) {
  const auto parent = std::find_if(threads_.begin(), threads_.end(),
                                   [tid](const auto& entry) { return is_thread_of(entry.second.pid, tid); });
  Thread orphan;
  orphan.process = std::make_shared<TracedProcess>(options_.report, tid, 0);
  orphan.space = std::make_shared<AddressSpace>();
  const int status = early_.extract(tid).mapped();
  add_child(parent == threads_.end() ? orphan : parent->second, tid, parent != threads_.end());
  threads_[tid].is_adopted = true;
  on_status(tid, status);
}

void Tracer::on_exec(Thread& thread) {
  // A thread that is not the first one takes the first one's number.
  const auto former = event_message(thread.tid);
  if (former && static_cast<pid_t>(*former) != thread.tid) threads_.erase(static_cast<pid_t>(*former));
  thread.is_held = false;
  thread.is_new = false;
  thread.holds_after_call = false;
  thread.space = std::make_shared<AddressSpace>();
  thread.process->is_open = false;
  thread.process->book.begin_program();
  if (options_.breakpoints > 0 && !lets_go_) choose_breakpoints(thread);
  go_on(thread, GoOn::to_event);
}

void Tracer::choose_breakpoints(Thread& thread) {
  if (is_system_program(program_of(thread.pid))) return;
  thread.space->is_own_program = true;
  thread.space->choose(thread.pid, index_of_process(thread.pid, options_.index, options_.near), options_.breakpoints,
                       random_);
  // Programs of the test beside each other race though each may have but one thread.
  if (another_own_program_runs(thread)) thread.space->plant(thread.pid);
}

bool Tracer::another_own_program_runs(const Thread& thread) const {
  return std::any_of(threads_.begin(), threads_.end(), [&](const auto& entry) {
    return entry.second.pid != thread.pid && entry.second.space->is_own_program;
  });
}

void Tracer::on_end(pid_t tid, int status) {
  early_.erase(tid);
  threads_.erase(tid);
  if (tid == root_) ending_ = status;
}

// A process that runs beside others of the same parent can race with them, also without threads of its own.
bool Tracer::may_hold_calls(const Thread& thread) const {
  if (thread.process->is_open) return true;
  return std::any_of(threads_.begin(), threads_.end(), [&](const auto& entry) {
    return entry.second.pid != thread.pid && entry.second.process->parent == thread.process->parent;
  });
}

void Tracer::hold_by_chance(Thread& thread, GoOn how) {
  if (lets_go_ || random_.fraction() >= options_.call_chance) {
    go_on(thread, how);
    return;
  }
  const std::uint64_t ns = call_hold_ns(options_.call_us, random_);
  if (const auto address = instruction_of(thread.tid)) thread.process->book.add(*address, ns);
  hold(thread, ns, how);
}

void Tracer::hold_start(Thread& thread, double share) {
  const bool has_breakpoints = thread.space->is_planted() && !lets_go_;
  const std::uint64_t ns = has_breakpoints ? start_hold_ns(options_.hold_us, share, random_) : 0;
  if (ns == 0) {
    hold_by_chance(thread, GoOn::to_event);
    return;
  }
  if (const auto address = instruction_of(thread.tid)) thread.process->book.add(*address, ns);
  hold(thread, ns, GoOn::to_event);
}

void Tracer::hold(Thread& thread, std::uint64_t ns, GoOn how) {
  thread.is_held = true;
  thread.hold_number = ++holds_;
  thread.go_on = how;
  queue_.add({monotonic_ns() + ns, thread.tid, thread.hold_number});
}

void Tracer::go_on(Thread& thread, GoOn how, int signal) {
  if (detaches_) {
    ::ptrace(PTRACE_DETACH, thread.tid, nullptr, signal);
    threads_.erase(thread.tid);
    return;
  }
  resume(thread.tid, how, signal);
}

void Tracer::release_due(std::uint64_t now_ns) {
  while (const auto held = queue_.due(now_ns)) {
    if (held->number == 0 && early_.contains(held->tid)) adopt(held->tid);
    const auto found = threads_.find(held->tid);
    if (found == threads_.end() || !found->second.is_held || found->second.hold_number != held->number) continue;
    found->second.is_held = false;
    go_on(found->second, found->second.go_on);
  }
}

std::uint64_t Tracer::last_given_ns(int signal) const {
  const auto found = given_ns_.find(signal);
  return found == given_ns_.end() ? 0 : found->second;
}

void Tracer::let_go(bool detaches) {
  lets_go_ = true;
  detaches_ = detaches;
  for (auto& [tid, thread] : threads_)
    thread.space->clear(tid);
  // Iterated by numbers: who is let go leaves the map.
  for (auto next = threads_.begin(); next != threads_.end();) {
    Thread& thread = next->second;
    ++next;
    if (thread.is_held) {
      thread.is_held = false;
      go_on(thread, thread.go_on);
    } else if (detaches) {
      ::ptrace(PTRACE_INTERRUPT, thread.tid, nullptr, nullptr);
    }
  }
}

}  // namespace ndr::hold
