#pragma once
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "supervisor/arms/hold/draw.hpp"
#include "supervisor/arms/hold/hold_queue.hpp"
#include "supervisor/arms/hold/options.hpp"
#include "supervisor/arms/hold/traced_thread.hpp"

namespace ndr::hold {

/// Follows a command and all that it starts, holds threads by the options' chances, and lets each signal, stop and end
/// through. Never stops a thread for the sake of another one: while some are held, the others run.
/// Driven by main(): on_status() for each answer of waitpid(), release_due() when next_end_ns() has come.
class Tracer {
public:
  /// `root` is seized already and has not begun to run the command.
  Tracer(const HoldOptions& options, pid_t root, std::uint64_t seed);

  void on_status(pid_t tid, int status);
  void release_due(std::uint64_t now_ns);
  std::optional<std::uint64_t> next_end_ns() const { return queue_.next_end_ns(); }

  /// Wait status of the command itself, once it has ended.
  std::optional<int> ending() const { return ending_; }
  bool has_threads() const { return !threads_.empty(); }
  /// When the command itself was last given this signal (ns), 0 for never.
  std::uint64_t last_given_ns(int signal) const;

  /// Holds nobody any longer, takes all breakpoints away and, where `detaches`, lets go of whoever stops. Processes
  /// that the command left behind go on so.
  void let_go(bool detaches);

private:
  using Thread = TracedThread;
  void on_stop(Thread& thread, int signal, int event);
  void on_trap(Thread& thread, bool has_passed);
  void on_signal(Thread& thread, int signal);
  void on_call(Thread& thread);
  void on_call_end(Thread& thread);
  void on_clone(Thread& thread, bool is_plain_clone);
  void on_exec(Thread& thread);
  void on_end(pid_t tid, int status);
  void on_group_or_first_stop(Thread& thread, int signal);
  void on_first_stop(Thread& thread);

  void add_child(const Thread& parent, pid_t child, bool is_plain_clone);
  void adopt(pid_t tid);
  void choose_breakpoints(Thread& thread);
  void hold(Thread& thread, std::uint64_t ns, GoOn go_on);
  void hold_start(Thread& thread, double share);
  void hold_by_chance(Thread& thread, GoOn go_on);
  void go_on(Thread& thread, GoOn how, int signal = 0);
  static bool stands_behind_breakpoint(const Thread& thread);
  bool may_hold_calls(const Thread& thread) const;
  bool another_own_program_runs(const Thread& thread) const;

  const HoldOptions& options_;
  pid_t root_;
  Random random_;
  HoldQueue queue_;
  std::map<pid_t, Thread> threads_;
  std::map<pid_t, int> early_;  // stops of threads whose maker has not reported them yet
  std::map<int, std::uint64_t> given_ns_;
  std::optional<int> ending_;
  std::uint64_t holds_ = 0;
  bool lets_go_ = false;
  bool detaches_ = false;
};

}  // namespace ndr::hold
