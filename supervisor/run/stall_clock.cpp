#include "supervisor/run/stall_clock.hpp"

#include <algorithm>

namespace ndr {
namespace {

constexpr std::size_t sampled_lines = 64;
constexpr std::size_t most_kinds = 8192;
constexpr std::size_t most_of_a_line = 512;
constexpr std::int64_t healthy_factor = 3;  // a limit is never below this many longest healthy gaps
constexpr std::int64_t busy_factor = 3;
constexpr std::int64_t busy_fresh_ms = 5000;  // processor time seen within this counts as busy now

// FNV-1a over the line without its digits.
std::size_t kind_of(std::string_view line) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char c : line.substr(0, most_of_a_line)) {
    if (c >= '0' && c <= '9') continue;
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  }
  return static_cast<std::size_t>(hash);
}

}  // namespace

bool LineKinds::has_new(std::string_view chunk) {
  bool found = false;
  for (std::size_t i = 0; i < sampled_lines && !chunk.empty(); ++i) {
    const std::size_t end = chunk.find('\n');
    if (seen_.size() >= most_kinds) seen_.clear();
    found |= seen_.insert(kind_of(chunk.substr(0, end))).second;
    if (end == std::string_view::npos) break;
    chunk.remove_prefix(end + 1);
  }
  return found;
}

StallClock::StallClock(const StallSettings& limits, std::int64_t now_ms)
    : limits_(limits), last_output_(now_ms), last_progress_(now_ms), last_busy_(now_ms) {}

void StallClock::output(std::int64_t now_ms, bool new_kind_of_line) {
  if (phase_ == RunPhase::mid_run) longest_gap_ = std::max(longest_gap_, now_ms - last_output_);
  last_output_ = now_ms;
  if (new_kind_of_line) last_progress_ = now_ms;
}

void StallClock::signal(SignalClass signal_class, std::int64_t now_ms) {
  switch (signal_class) {
    case SignalClass::test_begin:
    case SignalClass::progress:
      if (phase_ == RunPhase::mid_run) longest_step_ = std::max(longest_step_, now_ms - last_progress_);
      phase_ = RunPhase::mid_run;  // also after a summary: a script may run pytest once more
      last_progress_ = now_ms;
      return;
    case SignalClass::run_ending:
      phase_ = RunPhase::shut_down;
      last_progress_ = now_ms;
      return;
    case SignalClass::triage:
      triage_lives(now_ms);
      return;
    case SignalClass::device_timeout:
    case SignalClass::contention:
    case SignalClass::board_broken:
    case SignalClass::crash:
    case SignalClass::exception:
    case SignalClass::test_timeout:
    case SignalClass::setup_error:
    case SignalClass::worker_down:
    case SignalClass::note:
      return;
  }
}

void StallClock::busy(std::int64_t now_ms) { last_busy_ = now_ms; }

void StallClock::triage_lives(std::int64_t now_ms) {
  last_output_ = now_ms;
  last_progress_ = now_ms;
}

std::int64_t StallClock::limit() const {
  switch (phase_) {
    case RunPhase::start_up:
      return limits_.start_up_ms;
    case RunPhase::mid_run:
      return limits_.mid_run_ms;
    case RunPhase::shut_down:
      return limits_.shut_down_ms;
  }
  return limits_.mid_run_ms;
}

std::int64_t StallClock::silence_limit() const { return std::max(limit(), healthy_factor * longest_gap_); }

std::optional<Stall> StallClock::check(std::int64_t now_ms) const {
  const std::int64_t silent = now_ms - last_output_;
  const bool is_busy = now_ms - last_busy_ < busy_fresh_ms;
  if (silent >= silence_limit() * (is_busy ? busy_factor : 1)) {
    static constexpr const char* reasons[] = {"start_up", "mid_run", "shut_down"};
    return Stall{reasons[static_cast<int>(phase_)], silent};
  }
  const std::int64_t idle_talk = now_ms - last_progress_;
  if (silent < limit() && idle_talk >= std::max(silence_limit(), healthy_factor * longest_step_) * busy_factor) {
    return Stall{"no_progress", idle_talk};
  }
  return std::nullopt;
}

std::int64_t StallClock::next_check_ms() const {
  return std::min(last_output_ + silence_limit(),
                  last_progress_ + std::max(silence_limit(), healthy_factor * longest_step_) * busy_factor);
}

bool StallClock::wants_activity(std::int64_t now_ms) const { return now_ms - last_output_ >= silence_limit() / 2; }

}  // namespace ndr
