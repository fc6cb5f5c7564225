#pragma once
#include <cstdint>
#include <string>

namespace ndr {

std::int64_t wall_ms();    // since the Unix epoch, for people and rows; never for limits
std::int64_t steady_ms();  // CLOCK_MONOTONIC, for limits and durations

/// A length of time for a reader, as "4.5 s".
std::string seconds_text(std::int64_t ms);

}  // namespace ndr
