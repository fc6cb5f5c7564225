#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "storage/slice_log.hpp"

namespace ndr {

/// Durations counted in classes, eight to the octave: what is read back is right to a tenth.
class DurationTally {
public:
  void add(std::int64_t us);
  void add(const DurationTally& other);
  /// The duration below which `share` of them lie, in microseconds; 0 where there is none.
  std::int64_t quantile(double share) const;

private:
  static constexpr std::size_t classes = 320;  // forty octaves
  std::array<std::atomic<std::uint32_t>, classes> counts_{};
};

/// What the copies of a slice share: memory mapped before they are forked.
struct SliceTally {
  std::atomic<std::int64_t> next_run{1};
  std::atomic<std::int64_t> runs{0};
  std::atomic<std::int64_t> passed{0};
  std::atomic<std::int64_t> kept{0};
  std::atomic<std::int64_t> cut{0};
  std::atomic<bool> has_first_passed{false};
  std::atomic<std::uint64_t> points{0};  // of all counted runs
  std::atomic<std::uint64_t> counted{0};
  std::atomic<bool> over{false};  // no more runs
  DurationTally passed_us;
};

/// What a copy tells the loop of a run that is kept, or of what keeps it from going on; written whole to a pipe.
struct KeptMessage {
  std::int64_t run = 0;
  int copy = 0;
  std::uint64_t seed = 0;
  Kept kept = Kept::failed;
  int exit_code = -1;    // -1: none
  int term_signal = -1;  // -1: none
  bool stood_still = false;
  std::int64_t duration_us = 0;
  int leftovers = 0;
  char trouble[160] = {};  // not empty: no run could be made, and why
};

SliceRun slice_run_of(const KeptMessage& message);

}  // namespace ndr
