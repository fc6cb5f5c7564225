// A queue of numbers that several threads empty together. Every function is safe to call from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <stdexcept>

class WorkQueue {
public:
  void add(std::uint64_t number) {
    const std::lock_guard lock{mutex_};
    numbers_.push_back(number);
  }

  std::size_t waiting() const {
    const std::lock_guard lock{mutex_};
    return numbers_.size();
  }

  // Takes the oldest number; std::logic_error when there is none.
  std::uint64_t take() {
    const std::lock_guard lock{mutex_};
    if (numbers_.empty()) throw std::logic_error{"WorkQueue::take: the queue is empty"};
    return take_oldest();
  }

  // The oldest number, or nothing when all are taken.
  std::optional<std::uint64_t> next() {
    const std::lock_guard lock{mutex_};
    if (numbers_.empty()) return std::nullopt;
    return take_oldest();
  }

private:
  std::uint64_t take_oldest() {  // the caller holds the mutex and has seen a number
    const std::uint64_t number = numbers_.front();
    numbers_.pop_front();
    return number;
  }

  mutable std::mutex mutex_;
  std::deque<std::uint64_t> numbers_;
};
