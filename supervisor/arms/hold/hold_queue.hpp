#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

namespace ndr::hold {

/// Who is held until when (CLOCK_MONOTONIC, ns). `number` tells a hold from later ones of the same thread, or of
/// another that got its number.
struct Held {
  std::uint64_t until_ns = 0;
  pid_t tid = 0;
  std::uint64_t number = 0;
  bool operator>(const Held& other) const { return until_ns > other.until_ns; }
};

/// Holds in the order of their ends. Any number of threads can be held at once.
class HoldQueue {
public:
  void add(const Held& held) { queue_.push(held); }
  /// One whose time has come, at most one a call.
  std::optional<Held> due(std::uint64_t now_ns) {
    if (queue_.empty() || queue_.top().until_ns > now_ns) return std::nullopt;
    const Held held = queue_.top();
    queue_.pop();
    return held;
  }
  std::optional<std::uint64_t> next_end_ns() const {
    return queue_.empty() ? std::nullopt : std::optional{queue_.top().until_ns};
  }

private:
  std::priority_queue<Held, std::vector<Held>, std::greater<>> queue_;
};

std::uint64_t monotonic_ns();

}  // namespace ndr::hold
