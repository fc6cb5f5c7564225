#pragma once
#include <cstdint>
#include <utility>

#include "supervisor/run/verdict.hpp"

namespace ndr {

inline Signature race() {
  Signature wanted;
  wanted.failure_type = FailureType::assertion;
  wanted.exception = "AssertionError";
  wanted.message_template = "expected <n> entries";
  wanted.test_name = "test_counter";
  return wanted;
}

inline Signature of_type(FailureType type) {
  Signature failure;
  failure.failure_type = type;
  return failure;
}

/// A run that ended by itself, exit status 0, nothing in its log.
inline Observation passed_run() {
  Observation seen;
  seen.ending = Exited{};
  seen.exit.emplace();
  seen.exit->exit_code = 0;
  seen.exit->duration_ms = 12340;
  seen.wanted = race();
  seen.began = true;
  return seen;
}

// What happened, as small steps on the run above.
inline void exits(Observation& seen, int code) { seen.exit->exit_code = code; }
inline void dies(Observation& seen, int number) {
  seen.exit->exit_code.reset();
  seen.exit->term_signal = number;
}
inline void shows(Observation& seen, const Signature& failure, MatchGrade grade, std::uint64_t offset = 1000) {
  seen.seen = failure;
  seen.match = Match{grade, {}};
  seen.error_offset = offset;
}
inline void matches(Observation& seen, std::uint64_t offset = 1000) { shows(seen, race(), MatchGrade::exact, offset); }
inline void fails_otherwise(Observation& seen, FailureType type = FailureType::exception) {
  shows(seen, of_type(type), MatchGrade::other);
}
inline void fault(Observation& seen, SignalClass signal_class, std::uint64_t offset, const char* worker = "",
                  std::int64_t at_ms = 0) {
  seen.faults.push_back(FaultSignal{"pack.rule", signal_class, offset, at_ms, worker, Reaction::let_end});
}
/// What a healthy run may print too.
inline void mentions_exception(Observation& seen, std::uint64_t offset) {
  seen.faults.push_back(FaultSignal{"case.signature_1", SignalClass::exception, offset, 0, "", Reaction::none});
}
inline void stopped(Observation& seen, Ending why, std::uint64_t at_offset = 5000) {
  seen.ending = std::move(why);
  seen.exit->cause = EndCause::stopped;
  seen.exit->exit_code = 2;
  seen.stopped_at = at_offset;
}
inline void at_deadline(Observation& seen) {
  seen.exit->cause = EndCause::deadline;
  seen.exit->exit_code = 2;
  seen.stopped_at = 5000;
}
inline void wants(Observation& seen, FailureType type, const char* test = "test_counter") {
  seen.wanted = of_type(type);
  seen.wanted.test_name = test;
}

}  // namespace ndr
