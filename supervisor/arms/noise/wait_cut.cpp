#include "supervisor/arms/noise/wait_cut.hpp"

namespace ndr::noise {
namespace {

constexpr long shortest_wait_ns = 30000;
constexpr long short_wait_ns = 10000000;

}  // namespace

timespec cut(const timespec& until, clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  if (until.tv_sec - now.tv_sec > 1 || until.tv_sec - now.tv_sec < -1) return until;
  const long left = (until.tv_sec - now.tv_sec) * 1000000000L + (until.tv_nsec - now.tv_nsec);
  if (left <= shortest_wait_ns || left >= short_wait_ns) return until;
  now.tv_nsec += shortest_wait_ns;
  if (now.tv_nsec >= 1000000000L) {
    ++now.tv_sec;
    now.tv_nsec -= 1000000000L;
  }
  return now;
}

clockid_t clock_of(const timespec& until) {
  timespec monotonic{};
  ::clock_gettime(CLOCK_MONOTONIC, &monotonic);
  return until.tv_sec - monotonic.tv_sec < 1000000 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

}  // namespace ndr::noise
