#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "analyzer/evidence/log_signal.hpp"
#include "supervisor/settings.hpp"

namespace ndr {

/// When a run has to be stopped for what its output shows, and how. Pure. The first signal with a reaction decides:
/// what follows it is fallout and may not shorten its grace, except what must be stopped at once.
class StopPlan {
public:
  StopPlan(const StallSettings& graces, const StopSettings& ladders) : graces_(graces), ladders_(ladders) {}

  /// True when it changes when the run is to be stopped.
  bool see(const SignalRule& rule, std::int64_t now_ms);
  std::optional<std::int64_t> due_ms() const { return due_ms_; }
  const std::string& rule() const { return rule_; }  // of the signal that decided
  StopLadder ladder() const { return device_error_ ? ladders_.device_error : ladders_.other; }

private:
  std::optional<std::int64_t> grace_ms(const SignalRule& rule) const;

  StallSettings graces_;
  StopSettings ladders_;
  std::optional<std::int64_t> due_ms_;
  std::string rule_;
  bool device_error_ = false;
};

}  // namespace ndr
