// Atomicity: a request looks whether the driver stops, and then counts itself in; the stop may fall in between, see no
// request, and take the driver away.
#include <atomic>

#include "race.hpp"

namespace {

class Driver {
public:
  void request() {
    if (fixed) {
      ++pending_;
      if (!stopping_) assert(is_there_);
      leave();
      return;
    }
    if (stopping_) return;
    race_window();
    ++pending_;
    assert(is_there_);
    leave();
  }
  void stop() {
    stopping_ = true;
    leave();
    const std::lock_guard<std::mutex> hold(mutex_);
    if (gone_) is_there_ = false;
  }

private:
  void leave() {
    const std::lock_guard<std::mutex> hold(mutex_);
    if (--pending_ == 0) gone_ = true;
  }

  std::mutex mutex_;
  std::atomic<int> pending_{1};  // the driver itself
  std::atomic<bool> stopping_{false};
  std::atomic<bool> is_there_{true};
  bool gone_ = false;
};

}  // namespace

int main() {
  Driver driver;
  std::thread requests([&] { driver.request(); });
  std::thread stops([&] {
    other_work(1000000);
    driver.stop();
  });
  requests.join();
  stops.join();
}
