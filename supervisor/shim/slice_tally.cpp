#include "supervisor/shim/slice_tally.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace ndr {
namespace {

/// Up to 8 us a class each, then eight to the octave.
std::size_t class_of(std::uint64_t us, std::size_t classes) {
  if (us < 8) return static_cast<std::size_t>(us);
  const int octave = static_cast<int>(std::bit_width(us)) - 4;  // us >> octave is in [8, 16)
  return std::min(static_cast<std::size_t>(octave) * 8 + static_cast<std::size_t>(us >> octave), classes - 1);
}

std::int64_t middle_of(std::size_t index) {
  if (index < 16) return static_cast<std::int64_t>(index);
  const std::size_t octave = index / 8 - 1;
  return static_cast<std::int64_t>((8 + index % 8) << octave) + (std::int64_t{1} << octave) / 2;
}

std::optional<int> or_none(int number) { return number < 0 ? std::nullopt : std::optional{number}; }

}  // namespace

void DurationTally::add(std::int64_t us) {
  counts_[class_of(static_cast<std::uint64_t>(std::max<std::int64_t>(0, us)), classes)].fetch_add(
      1, std::memory_order_relaxed);
}

void DurationTally::add(const DurationTally& other) {
  for (std::size_t index = 0; index < classes; ++index)
    counts_[index].fetch_add(other.counts_[index].load(std::memory_order_relaxed), std::memory_order_relaxed);
}

std::int64_t DurationTally::quantile(double share) const {
  std::uint64_t all = 0;
  for (const auto& count : counts_)
    all += count.load(std::memory_order_relaxed);
  if (all == 0) return 0;
  const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(all)));
  std::uint64_t below = 0;
  for (std::size_t index = 0; index < classes; ++index) {
    below += counts_[index].load(std::memory_order_relaxed);
    if (below >= std::max<std::uint64_t>(1, rank)) return middle_of(index);
  }
  return middle_of(classes - 1);
}

SliceRun slice_run_of(const KeptMessage& message) {
  SliceRun run;
  run.run = message.run;
  run.copy = message.copy;
  run.seed = message.seed;
  run.kept = message.kept;
  run.exit_code = or_none(message.exit_code);
  run.term_signal = or_none(message.term_signal);
  run.stood_still = message.stood_still;
  run.duration_us = message.duration_us;
  run.leftovers = message.leftovers;
  return run;
}

}  // namespace ndr
