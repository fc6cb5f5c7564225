// Atomicity that a plain loop finds: threads that start together each make the table that is made on first use.
#include <atomic>
#include <barrier>
#include <memory>
#include <vector>

#include "race.hpp"

namespace {

std::atomic<int> made{0};
std::unique_ptr<std::vector<int>> table;
std::once_flag once;

void make() {
  auto fresh = std::make_unique<std::vector<int>>(4096);
  for (int& cell : *fresh)
    cell = ++made > 0 ? 1 : 0;
  made = made - 4095;
  table = std::move(fresh);
}

void use_table() {
  if (fixed)
    std::call_once(once, make);
  else if (!table)
    make();
}

}  // namespace

int main() {
  std::barrier together(2);
  const auto use = [&] {
    together.arrive_and_wait();
    use_table();
  };
  std::thread one(use);
  std::thread two(use);
  one.join();
  two.join();
  assert(made == 1);
}
