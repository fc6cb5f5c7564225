#pragma once
#include <optional>
#include <string>
#include <vector>

#include "storage/slice_log.hpp"
#include "supervisor/run/verdict.hpp"

namespace ndr {

/// A run of a slice as an observation of its own, to be judged like any other: it ended by itself, or stood still.
Observation observation_of(const SliceRun& run, const Signature& wanted, std::int64_t limit_ms);

/// All that is known of a slice that is over.
struct SliceObservation {
  Ending ending;
  std::optional<AttemptExit> exit;  // of the loop; nothing: its shim is gone and left none
  SliceProgress sum;                // the last that its log says
  std::vector<RunFailureRow> failures;
};

/// How a slice ended: one match makes it `reproduced`; runs that failed otherwise make it a `different_failure` only
/// where none passed. `runs` are those that could be judged and those that could not (`infrastructure`); runs that were
/// cut off with the slice are none.
Judgement judge_slice(const SliceObservation& seen);

}  // namespace ndr
