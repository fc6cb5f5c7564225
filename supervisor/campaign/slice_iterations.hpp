#pragma once
#include <cstdint>

#include "supervisor/campaign/policy.hpp"

namespace ndr {

/// How often the test runs within one run of a slice, whose plain runs take `run_us`. Every second slice of an arm
/// (`round` is odd) has the script repeat it where starting costs most of a run; the others keep a fresh state for each
/// run, which some races need. 0: the script's default, where it cannot be told.
int slice_iterations(const Policy& policy, const Progress& now, std::int64_t run_us, int round);

}  // namespace ndr
