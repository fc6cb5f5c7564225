// Data race without a call near it: both threads lock before they count, but not the same lock.
#include "race.hpp"

namespace {

std::mutex of_one;
std::mutex of_two;
volatile int count = 0;

void add(std::mutex& mutex) {
  const std::lock_guard<std::mutex> hold(mutex);
  for (int i = 0; i < 3; ++i) {
    const int seen = count;
    race_window();
    count = seen + 1;
  }
}

}  // namespace

int main() {
  std::thread one([] { add(of_one); });
  std::thread two([] { add(fixed ? of_one : of_two); });
  one.join();
  two.join();
  assert(count == 6);
}
