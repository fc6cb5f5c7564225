// Lock-free: the owner and a thief of a deque of work both look at the one item that is left; the owner takes it
// without asking whether the thief was first.
#include <atomic>
#include <vector>

#include "race.hpp"

namespace {

class WorkDeque {
public:
  void push(int item) {
    const long bottom = bottom_.load();
    items_[static_cast<std::size_t>(bottom)] = item;
    bottom_.store(bottom + 1);
  }
  bool take(int& item) {  // the owner's end
    const long bottom = bottom_.load() - 1;
    bottom_.store(bottom);
    long top = top_.load();
    if (top > bottom) {
      bottom_.store(bottom + 1);
      return false;
    }
    item = items_[static_cast<std::size_t>(bottom)];
    if (top < bottom) return true;
    bool mine = false;
    if (fixed) {
      mine = top_.compare_exchange_strong(top, top + 1);
    } else {
      mine = top_.load() <= bottom;
      race_window();
      if (mine) top_.store(bottom + 1);
    }
    bottom_.store(bottom + 1);
    return mine;
  }
  bool steal(int& item) {
    long top = top_.load();
    if (top >= bottom_.load()) return false;
    item = items_[static_cast<std::size_t>(top)];
    race_window();
    return top_.compare_exchange_strong(top, top + 1);
  }

private:
  std::atomic<long> top_{0};
  std::atomic<long> bottom_{0};
  std::vector<int> items_ = std::vector<int>(8);
};

}  // namespace

int main() {
  WorkDeque deque;
  std::atomic<int> taken{0};
  deque.push(1);
  deque.push(2);
  const auto count = [&](bool got) { taken += static_cast<int>(got); };
  std::thread owner([&] {
    int item = 0;
    count(deque.take(item));
    count(deque.take(item));
  });
  std::thread thief([&] {
    int item = 0;
    other_work(1000000);
    count(deque.steal(item));
  });
  owner.join();
  thief.join();
  assert(taken <= 2);
}
