#include "supervisor/campaign/slice_iterations.hpp"

#include <algorithm>

namespace ndr {
namespace {

constexpr std::int64_t slow_start_us = 100000;  // a framework's: of a program that takes so long most is start-up
constexpr std::int64_t slow_loop_us = 1000000;
constexpr std::int64_t quick_loop_us = 300000;  // short, since one that hangs is known by ten times as much
constexpr std::int64_t least_gain = 3;          // below, a fresh state is worth more than the time

/// Repetitions that take about so long.
int fitting(std::int64_t loop_us, std::int64_t iteration_us) {
  return static_cast<int>(std::clamp<std::int64_t>(loop_us / std::max<std::int64_t>(1, iteration_us), 1, 1000));
}

/// Only then is known what an iteration takes without the start.
bool has_looped(const Policy& policy, const Progress& now) {
  return std::any_of(now.slices.begin(), now.slices.end(),
                     [&](const ArmRecord& record) { return record.arm.iterations > policy.plain_iterations; });
}

}  // namespace

int slice_iterations(const Policy& policy, const Progress& now, std::int64_t run_us, int round) {
  const int plain = policy.plain_iterations;
  if (plain == 0 || round % 2 == 0 || now.iteration_us == 0) return plain;
  if (run_us >= slow_start_us) return fitting(slow_loop_us, now.iteration_us);
  if (!has_looped(policy, now)) return std::max(plain, fitting(quick_loop_us, run_us));
  return now.iteration_us * least_gain < run_us ? fitting(quick_loop_us, now.iteration_us) : plain;
}

}  // namespace ndr
