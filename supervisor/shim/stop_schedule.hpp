#pragma once
#include <cstdint>
#include <optional>

#include "storage/attempt_folder.hpp"

namespace ndr {

/// What is to be done to the processes of a run now.
enum class StopStep { none, interrupt, terminate, kill, give_up };

/// When which step of ending a run is due. Pure: it is told the time (milliseconds of one clock), does nothing itself,
/// and knows no process. Steps come in order and never go back; a later request can only shorten what is left.
class StopSchedule {
public:
  /// Stop the run. While it is being stopped already, the shorter times win, counted from when each step began.
  void request(const StopLadder& ladder, std::int64_t now);
  /// The command ended and left descendants that signals to the run do not reach: they have a while to follow, but
  /// no longer than a stop that is under way gave them, then they are killed.
  void leave_leftovers(std::int64_t now);

  /// The step that is due, each once; only `kill` comes again, every `kill_again_ms`, since a process may fork while
  /// it is being killed. `give_up` follows `unkillable_after_ms` after the first kill.
  StopStep next(std::int64_t now);
  /// When next() has something to say.
  std::optional<std::int64_t> next_due() const;

  /// Signals to the run are still to come or to be obeyed.
  bool is_asking() const { return phase_ == Phase::interrupting || phase_ == Phase::terminating; }

  /// Nobody is asked any more: whoever is left has a grace, or is being killed.
  bool has_leftovers() const { return phase_ != Phase::idle && !is_asking(); }

  static constexpr std::int64_t leftover_grace_ms = 2000;
  static constexpr std::int64_t unkillable_after_ms = 2000;
  static constexpr std::int64_t kill_again_ms = 20;

private:
  enum class Phase { idle, leftovers, interrupting, terminating, killing, given_up };

  void enter(Phase phase, std::int64_t now);
  StopStep begin(std::int64_t now);
  std::int64_t length() const;

  Phase phase_ = Phase::idle;
  std::int64_t began_ = 0;
  std::int64_t grace_ms_ = leftover_grace_ms;
  bool announced_ = false;  // whether next() told of this phase
  std::int64_t kill_again_at_ = 0;
  StopLadder ladder_;
};

}  // namespace ndr
