#include "supervisor/shim/stop_schedule.hpp"

#include <algorithm>

#include "analyzer/assert.hpp"

namespace ndr {

void StopSchedule::request(const StopLadder& ladder, std::int64_t now) {
  switch (phase_) {
    case Phase::idle:
      ladder_ = ladder;
      return enter(Phase::interrupting, now);
    case Phase::leftovers:
      return enter(Phase::killing, now);
    case Phase::interrupting:
    case Phase::terminating:
      ladder_.interrupt_ms = std::min(ladder_.interrupt_ms, ladder.interrupt_ms);
      ladder_.terminate_ms = std::min(ladder_.terminate_ms, ladder.terminate_ms);
      return;
    case Phase::killing:
    case Phase::given_up:
      return;
  }
}

void StopSchedule::leave_leftovers(std::int64_t now) {
  if (phase_ != Phase::idle && !is_asking()) return;
  if (is_asking()) {
    const std::int64_t later = phase_ == Phase::interrupting ? ladder_.terminate_ms : 0;
    grace_ms_ = std::clamp<std::int64_t>(began_ + length() + later - now, 0, leftover_grace_ms);
  }
  enter(Phase::leftovers, now);
}

void StopSchedule::enter(Phase phase, std::int64_t now) {
  phase_ = phase;
  began_ = now;
  announced_ = false;
}

std::int64_t StopSchedule::length() const {
  switch (phase_) {
    case Phase::leftovers:
      return grace_ms_;
    case Phase::interrupting:
      return ladder_.interrupt_ms;
    case Phase::terminating:
      return ladder_.terminate_ms;
    case Phase::killing:
      return unkillable_after_ms;
    case Phase::idle:
    case Phase::given_up:
      break;
  }
  NDR_NEVER("a phase without a length");
}

StopStep StopSchedule::begin(std::int64_t now) {
  announced_ = true;
  began_ = now;  // however late we come, a step gets its whole time
  switch (phase_) {
    case Phase::interrupting:
      return StopStep::interrupt;
    case Phase::terminating:
      return StopStep::terminate;
    case Phase::killing:
      kill_again_at_ = now + kill_again_ms;
      return StopStep::kill;
    default:
      return StopStep::none;
  }
}

StopStep StopSchedule::next(std::int64_t now) {
  if (phase_ == Phase::idle || phase_ == Phase::given_up) return StopStep::none;
  if (!announced_ && length() > 0) return begin(now);
  if (now < began_ + length()) {
    if (phase_ != Phase::killing || now < kill_again_at_) return StopStep::none;
    kill_again_at_ = now + kill_again_ms;
    return StopStep::kill;
  }
  if (phase_ == Phase::killing) {
    enter(Phase::given_up, now);
    return StopStep::give_up;
  }
  enter(phase_ == Phase::interrupting ? Phase::terminating : Phase::killing, now);
  return next(now);  // a step of no length is passed over without its signal
}

std::optional<std::int64_t> StopSchedule::next_due() const {
  if (phase_ == Phase::idle || phase_ == Phase::given_up) return std::nullopt;
  if (!announced_) return began_;
  const std::int64_t end = began_ + length();
  return phase_ == Phase::killing ? std::min(kill_again_at_, end) : end;
}

}  // namespace ndr
