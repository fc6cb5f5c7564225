#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "analyzer/evidence/log_signal.hpp"
#include "supervisor/settings.hpp"

namespace ndr {

enum class RunPhase { start_up, mid_run, shut_down };

/// A run that does not get on. `reason`: start_up, mid_run, shut_down (silent), or no_progress (talks without a new
/// iteration, test line or kind of line).
struct Stall {
  std::string reason;
  std::int64_t silent_ms = 0;  // since the last output, or the last progress
  bool operator==(const Stall&) const = default;
};

/// Which kinds of line a run has printed: lines that differ only in digits are one kind. Looks at a sample of the
/// output, in bounded memory.
class LineKinds {
public:
  /// Whether the first lines of `chunk` hold a kind not seen before.
  bool has_new(std::string_view chunk);

private:
  std::unordered_set<std::size_t> seen_;
};

/// When silence becomes a hang. Pure: the time comes in, as milliseconds of one monotonic clock.
/// Silent and idle for the phase's limit: a hang. Silent but busy: at three times the limit, since compiling and
/// loading are silent and busy, but so is a loop that waits for a device. The mid-run limit rises to three times the
/// longest gap that a healthy run has shown. While a triage child lives nothing is a stall.
class StallClock {
public:
  StallClock(const StallSettings& limits, std::int64_t now_ms);

  void output(std::int64_t now_ms, bool new_kind_of_line);
  void signal(SignalClass signal_class, std::int64_t now_ms);
  void busy(std::int64_t now_ms);  // the run's processes have used processor time since the last call
  void triage_lives(std::int64_t now_ms);

  std::optional<Stall> check(std::int64_t now_ms) const;
  /// Before this time check() has nothing to say.
  std::int64_t next_check_ms() const;
  /// From this silence on it matters whether the run is busy.
  bool wants_activity(std::int64_t now_ms) const;
  RunPhase phase() const { return phase_; }

private:
  std::int64_t limit() const;
  std::int64_t silence_limit() const;

  StallSettings limits_;
  RunPhase phase_ = RunPhase::start_up;
  std::int64_t last_output_;
  std::int64_t last_progress_;
  std::int64_t last_busy_;
  std::int64_t longest_gap_ = 0;   // between outputs, mid-run
  std::int64_t longest_step_ = 0;  // between signs of progress, mid-run
};

}  // namespace ndr
