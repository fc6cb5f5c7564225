#pragma once
#include <cstdint>

#include "supervisor/arms/noise/settings.hpp"

namespace ndr::noise {

/// SplitMix64 (Steele, Lea, Flood 2014): one word of state, the same sequence for the same seed on each machine.
class Random {
public:
  explicit constexpr Random(std::uint64_t seed) : state_(seed) {}
  constexpr std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  /// In [0, 1).
  constexpr double fraction() { return static_cast<double>(next() >> 11) * 0x1p-53; }

private:
  std::uint64_t state_;
};

/// What is done at a point: nothing, a yield, or a nap of so many nanoseconds.
struct Delay {
  bool yields = false;
  std::uint64_t nap_ns = 0;
};

/// At a call around which other threads may come in between. Of naps three tenths are yields; the length falls off
/// with the fourth power, so that most are short and a few are long enough to let whole operations pass.
constexpr Delay delay_at_call(const NoiseSettings& settings, Random& random) {
  if (settings.mode != Mode::sleep && settings.mode != Mode::yield) return {};
  if (random.fraction() >= settings.chance) return {};
  if (settings.mode == Mode::yield || random.fraction() < 0.3) return {true, 0};
  const double u = random.fraction();
  return {false, static_cast<std::uint64_t>(settings.longest_us * 1000.0 * u * u * u * u)};
}

/// Where a thread or a process begins, and where it was made: with a chance of its own, falling off with the third
/// power.
constexpr Delay delay_at_start(const NoiseSettings& settings, Random& random) {
  if (settings.mode != Mode::sleep && settings.mode != Mode::yield) return {};
  if (random.fraction() >= settings.start_chance) return {};
  const double u = random.fraction();
  return {false, static_cast<std::uint64_t>(settings.start_us * 1000.0 * u * u * u)};
}

/// Of the thread from its start: 20 to 49 of SCHED_FIFO.
constexpr int thread_priority(Random& random) { return 20 + static_cast<int>(random.next() % 30); }

/// The points, counted from 1 in the whole process, at which the passing thread goes down; 0: none.
struct ChangePoints {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

/// Two different ones out of `points`, as far as there are so many.
constexpr ChangePoints change_points(std::uint64_t points, Random& random) {
  if (points == 0) return {};
  const std::uint64_t one = 1 + random.next() % points;
  if (points == 1) return {one, 0};
  const std::uint64_t other = 1 + (one + random.next() % (points - 1)) % points;
  return one < other ? ChangePoints{one, other} : ChangePoints{other, one};
}

}  // namespace ndr::noise
