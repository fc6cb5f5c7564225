// Dead-lock: one thread takes left and right, the other right and left.
#include "race.hpp"

namespace {

std::mutex left;
std::mutex right;
int moved = 0;

void move_between(std::mutex& from, std::mutex& to) {
  if (fixed) {
    const std::scoped_lock both(from, to);
    ++moved;
    return;
  }
  const std::lock_guard<std::mutex> first(from);
  race_window();
  const std::lock_guard<std::mutex> second(to);
  ++moved;
}

}  // namespace

int main() {
  std::puts("moving");
  std::fflush(stdout);
  std::thread one([] { move_between(left, right); });
  std::thread two([] {
    other_work(1000000);
    move_between(right, left);
  });
  one.join();
  two.join();
  std::puts("moved");
  assert(moved == 2);
}
