#include "supervisor/run/stop_plan.hpp"

namespace ndr {

std::optional<std::int64_t> StopPlan::grace_ms(const SignalRule& rule) const {
  switch (rule.reaction) {
    case Reaction::none:
      return std::nullopt;
    case Reaction::stop_now:
      return 0;
    case Reaction::stop_after_grace:
      return graces_.triage_ms;
    case Reaction::let_end:
      return graces_.let_end_ms;
    // A broken board will not get better; what could not be set up says so and ends.
    case Reaction::stop_campaign:
      return rule.signal_class == SignalClass::board_broken ? 0 : graces_.let_end_ms;
  }
  return std::nullopt;
}

bool StopPlan::see(const SignalRule& rule, std::int64_t now_ms) {
  const std::optional<std::int64_t> grace = grace_ms(rule);
  if (!grace) return false;
  if (rule.signal_class == SignalClass::device_timeout || rule.signal_class == SignalClass::board_broken)
    device_error_ = true;
  const bool first = !due_ms_;
  if (!first && (*grace > 0 || *due_ms_ <= now_ms)) return false;
  if (first) rule_ = rule.id;
  due_ms_ = now_ms + *grace;
  return true;
}

}  // namespace ndr
