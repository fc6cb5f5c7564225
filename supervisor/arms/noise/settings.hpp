#pragma once
#include <cstddef>
#include <cstdint>

namespace ndr::noise {

/// count: nothing is delayed, points are counted. sleep: a point is delayed by a nap of a heavy tail, or by a yield.
/// yield: a point yields. pct: threads have random priorities, which change at two random points (pct.hpp).
enum class Mode { off, count, sleep, yield, pct };

/// What NDREPRO_NOISE says: "mode=sleep,p=0.05,us=1500,start_p=0.3,start_us=1500,cut=1,seed=7,report=/folder".
struct NoiseSettings {
  Mode mode = Mode::off;
  double chance = 0;             // p: of a delay at each point, 0 to 1
  std::uint32_t longest_us = 0;  // us: of a nap, at most 100 000
  double start_chance = 0;       // start_p: of a nap where a thread or a process begins, and where it was made
  std::uint32_t start_us = 0;    // start_us: the longest of those, at most 100 000
  bool cuts_waits = false;       // cut: waits for a condition with less than 10 ms to go end after 30 us
  std::uint64_t points = 0;      // points: how many a run passes; pct draws the two out of them, from 1 on
  std::uint64_t seed = 0;
  char report[512] = {};  // folder for the report of each process; empty: none
};

/// Reads the text; a word that is not understood switches all off: half a setting would be another arm than the one
/// that is recorded. No library but the language's own: this runs inside of foreign programs.
NoiseSettings settings_from(const char* text);

}  // namespace ndr::noise
