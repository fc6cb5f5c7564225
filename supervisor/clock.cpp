#include "supervisor/clock.hpp"

#include <chrono>
#include <cstdio>

namespace ndr {
namespace {

template <class Clock>
std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now().time_since_epoch()).count();
}

}  // namespace

std::int64_t wall_ms() { return now_ms<std::chrono::system_clock>(); }

std::int64_t steady_ms() { return now_ms<std::chrono::steady_clock>(); }

std::string seconds_text(std::int64_t ms) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(ms) / 1000);
  return text;
}

}  // namespace ndr
