#pragma once
#include <cstdint>

namespace ndr {

std::int64_t wall_ms();    // since the Unix epoch, for people and rows; never for limits
std::int64_t steady_ms();  // CLOCK_MONOTONIC, for limits and durations

}  // namespace ndr
