#pragma once
#include <mutex>
#include <stdexcept>
#include <vector>

// Numbers that threads take. next() asks and takes under two locks: between them another thread may take the last.
class TakeQueue {
public:
  explicit TakeQueue(int count) {
    for (int i = 0; i < count; ++i)
      numbers_.push_back(i);
  }
  bool empty() {
    const std::lock_guard<std::mutex> lock{mutex_};
    return numbers_.empty();
  }
  int take() {
    const std::lock_guard<std::mutex> lock{mutex_};
    if (numbers_.empty()) throw std::logic_error{"TakeQueue::take: the queue is empty"};
    const int number = numbers_.back();
    numbers_.pop_back();
    return number;
  }
  bool next(int& number) {
    if (empty()) return false;
    number = take();
    return true;
  }

private:
  std::mutex mutex_;
  std::vector<int> numbers_;
};
