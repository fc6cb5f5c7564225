// Data race that a plain loop finds: two threads add often to one number.
#include "race.hpp"

namespace {

volatile long sum = 0;
std::mutex mutex;

void add() {
  for (int i = 0; i < 200000; ++i) {
    if (fixed) {
      const std::lock_guard<std::mutex> hold(mutex);
      sum = sum + 1;
    } else {
      sum = sum + 1;
    }
  }
}

}  // namespace

int main() {
  std::thread one(add);
  std::thread two(add);
  one.join();
  two.join();
  assert(sum == 400000);
}
