#pragma once
#include <string_view>

#include "storage/unique_fd.hpp"
#include "supervisor/arms/preempt/spin_schedule.hpp"

namespace ndr {

/// By which right a preempter takes the CPU from a run: fifo (SCHED_FIFO 50: always), nice (-20: mostly, weaker), plain
/// (no right: a mere load).
enum class PreemptClass { fifo, nice, plain };
std::string_view to_text(PreemptClass taken);

/// What a preempter of this process would have. Tried in a child; this process stays as it is. Throws std::system_error
/// where no child can be made.
PreemptClass preempt_class_here();

/// Takes every CPU that this process may use away for short spells, so that runs beside it are interrupted anywhere,
/// whatever they are made of (static programs, any language). A child process of ours with one thread per CPU, which
/// lives as long as this object: it is killed and reaped by the destructor, and by the kernel when the thread that made
/// it ends. It holds no file of ours, takes no signal but SIGKILL, and what we start later inherits nothing of it.
/// Whoever counts the descendants of this process leaves out `pid()`. Throttling of real time is left as it is.
class Preempter {
public:
  /// Returns when it disturbs. Throws std::system_error where the child cannot be made.
  explicit Preempter(const PreemptSettings& settings);
  ~Preempter();
  Preempter(const Preempter&) = delete;
  Preempter& operator=(const Preempter&) = delete;

  PreemptClass taken() const { return taken_; }
  int pid() const { return pid_; }

private:
  void end();

  int pid_ = -1;
  UniqueFd pidfd_;  // the pid alone may be another's: our owner may reap every child
  PreemptClass taken_ = PreemptClass::plain;
};

}  // namespace ndr
