#pragma once
#include <cstdint>
#include <string>

#include "supervisor/arms/arm.hpp"

namespace ndr {

/// What an arm does with these parameters: "4 delays a run of up to 1.5 ms, 4 copies, 2 of them with one TMPDIR".
/// `points`: calls of a run at which it may act; 0: not known, then chances are told as such.
std::string arm_words(const Arm& arm, std::uint64_t points);

/// "0.2 ms", "1.5 ms", "12 s": as many digits as say something.
std::string short_time(double seconds);

}  // namespace ndr
