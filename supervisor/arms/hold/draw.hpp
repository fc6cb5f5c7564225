#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "supervisor/arms/noise/draw.hpp"

namespace ndr::hold {

using noise::Random;

/// How likely a memory access meets another thread's, from its form. `own`: by an address that is computed or global.
/// `stack`: a slot of the frame, which others reach only by a pointer. `library`: an access of either form in a
/// library's function that was compiled into the program (std::vector's and the like). `call`: no access but a call,
/// beside which threads meet by locks and the like.
enum class AccessKind { own, stack, call, library };
inline constexpr std::size_t access_kinds = 4;
inline constexpr std::array<double, access_kinds> access_weights{8, 2, 2, 1};
inline constexpr double largest_library_share = 0.25;  // of the weight of the others together

/// Of a hold at a breakpoint, in ns: 0.2 to 1.8 times the mean. So a hold is now shorter, now longer than what it waits
/// for.
constexpr std::uint64_t breakpoint_hold_ns(std::uint32_t mean_us, Random& random) {
  return static_cast<std::uint64_t>(mean_us * 1000.0 * (0.2 + 1.6 * random.fraction()));
}

/// Beside breakpoints: where a thread or process begins, and where it was made. Else the first threads have ended
/// before the last are there. 0: none.
inline constexpr double held_start_share = 0.25;
inline constexpr double held_maker_share = 0.1;
constexpr std::uint64_t start_hold_ns(std::uint32_t mean_us, double share, Random& random) {
  if (random.fraction() >= share) return 0;
  return static_cast<std::uint64_t>(mean_us * 1000.0 * 1.8 * random.fraction());
}

/// How many times a breakpoint is passed before somebody is held there: most of them none, else 1 to 15, mostly few. So
/// the later rounds of a loop are reached too.
inline constexpr double free_share = 0.65;
constexpr std::uint8_t passes_before_hold(Random& random) {
  if (random.fraction() < free_share) return 0;
  const double u = random.fraction();
  std::uint8_t passes = 1;
  for (double limit = 0.25; limit < 1 && u >= limit; limit += 0.25)
    passes = static_cast<std::uint8_t>(passes * 2);
  return static_cast<std::uint8_t>(passes + random.next() % passes);
}

/// Of a hold at a call, in ns: the third power makes most of them short.
constexpr std::uint64_t call_hold_ns(std::uint32_t longest_us, Random& random) {
  const double u = random.fraction();
  return static_cast<std::uint64_t>(longest_us * 1000.0 * u * u * u);
}

/// How often an access was chosen, and how often a thread came to it. Both are halved before they run over.
struct AccessHistory {
  std::uint8_t planted = 0;
  std::uint8_t reached = 0;
};

/// The chance with which a drawn access is taken: what was planted often and never reached hardly pays.
constexpr double worth(const AccessHistory& history) {
  return (1.0 + history.reached) / (1.0 + (history.planted > history.reached ? history.planted : history.reached));
}

constexpr AccessHistory after(AccessHistory history, bool is_reached) {
  std::uint8_t& count = is_reached ? history.reached : history.planted;
  if (count == UINT8_MAX) {
    history.planted /= 2;
    history.reached /= 2;
  }
  ++count;
  return history;
}

/// `wanted` different accesses out of counts[kind] of each kind, by access_weights and worth(); all where there are no
/// more. An access's number: first those of the first kind, then those of the second and so on, as in `histories`,
/// which may be empty: then nothing is known yet.
std::vector<std::size_t> draw_accesses(const std::array<std::uint64_t, access_kinds>& counts,
                                       std::span<const AccessHistory> histories, std::size_t wanted, Random& random);

}  // namespace ndr::hold
