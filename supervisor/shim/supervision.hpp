#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "storage/attempt_folder.hpp"
#include "supervisor/shim/event_fds.hpp"
#include "supervisor/shim/own_cgroup.hpp"
#include "supervisor/shim/process_tree.hpp"
#include "supervisor/shim/run_log.hpp"
#include "supervisor/shim/stop_schedule.hpp"

namespace ndr {

/// A command that was just started, and how it is to be held.
struct Supervised {
  int leader = 0;                     // pid and process group of the command
  const OwnCgroup* cgroup = nullptr;  // null: without
  ControlFifo* control = nullptr;     // null: nobody can ask
  StopLadder ladder;
  std::int64_t deadline_ms = 0;
  std::uint64_t log_limit_bytes = 0;
  int log = -1;
  bool heeds_requests = true;  // a reset ends at its deadline, never before
};

/// Holds one command from its start until no descendant is left: one loop over all that can happen. This process must
/// be a subreaper, so that descendants whose parents die become its children: no child left means no descendant left.
class Supervision {
public:
  Supervision(const Supervised& what, SignalFd& signals);
  /// All of the exit but what is known before (error, started_at_ms) and what costs nothing after.
  AttemptExit until_over();

private:
  bool is_over() const;
  std::optional<std::int64_t> next_due() const;
  void wait_for_event();
  void take_children();
  void note_end_of_leader(int code, int status);
  void look_for_leftovers();
  void take_signals();
  void take_requests();
  void look_at_clock();
  void look_at_log(std::int64_t now);
  void stop(EndCause cause, const StopLadder& ladder);
  void perform(StopStep step);
  bool hears(const ProcessStat& member) const;
  void signal_run(int signal) const;
  void kill_all();
  std::vector<ProcessStat> live_members() const;

  const Supervised what_;
  SignalFd& signals_;
  AlarmFd alarm_;
  StopSchedule schedule_;
  LogLimit log_limit_;
  AttemptExit exit_;
  std::int64_t began_ = 0;  // CLOCK_MONOTONIC, for durations
  std::optional<std::int64_t> stop_began_;
  std::optional<std::int64_t> deadline_at_;  // CLOCK_BOOTTIME, as all of these
  std::optional<std::int64_t> log_look_at_;
  bool leader_ended_ = false;
  bool children_left_ = true;
  bool gave_up_ = false;
  std::set<std::pair<int, std::uint64_t>> killed_;  // pid and start time
};

}  // namespace ndr
