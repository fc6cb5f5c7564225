#pragma once
#include <cstdint>

#include "supervisor/campaign/policy.hpp"

namespace ndr {

/// A number that depends on nothing but its arguments: the campaign's seed and the step (SplitMix64's output
/// function; Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
std::uint64_t draw(std::uint64_t seed, std::uint64_t step);

Arm plain_arm(const Policy& policy);
/// Margin screen: the watchdog four times as patient, from the second run on switched off.
Arm raised_arm(const Policy& policy, const Progress& now);
/// The fixed ladder, rung after rung and back to its start, one plain control in each round at a drawn place.
Arm search_arm(const Policy& policy, const Progress& now, std::int64_t left_ms);
/// The arm that hit; with one worker as long as that hits too, so that the log is clean.
Arm confirm_arm(const Policy& policy, const Progress& now);

/// Whether this is the hit arm made calm: with one worker where it had more.
bool is_calm_variant(const Arm& hit, const Arm& arm);

}  // namespace ndr
