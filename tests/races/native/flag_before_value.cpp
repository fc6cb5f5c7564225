// Data race without a call near it: the flag is raised before the value is there.
#include <atomic>

#include "race.hpp"

namespace {

std::atomic<int> value{0};
std::atomic<bool> ready{false};

void publish() {
  if (fixed) value.store(42, std::memory_order_relaxed);
  ready.store(true, std::memory_order_release);
  race_window();
  if (!fixed) value.store(42, std::memory_order_release);
}

void read_value() {
  if (!ready.load(std::memory_order_acquire)) return;
  const int seen = value.load(std::memory_order_acquire);
  assert(seen == 42);
}

}  // namespace

int main() {
  std::thread writes(publish);
  std::thread reads(read_value);
  writes.join();
  reads.join();
}
