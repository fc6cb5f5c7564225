// Dead-lock: whether the work is done is looked at before the lock is taken, so that the signal may come in between,
// and nobody waits for it.
#include <atomic>
#include <condition_variable>

#include "race.hpp"

namespace {

std::mutex mutex;
std::condition_variable changed;
std::atomic<bool> done{false};

void work() {
  const std::lock_guard<std::mutex> hold(mutex);
  done = true;
  changed.notify_one();
}

void wait_for_work() {
  if (fixed) {
    std::unique_lock<std::mutex> hold(mutex);
    changed.wait(hold, [] { return done.load(); });
    return;
  }
  if (done) return;
  race_window();
  std::unique_lock<std::mutex> hold(mutex);
  changed.wait(hold);
}

}  // namespace

int main() {
  std::puts("waiting");
  std::fflush(stdout);
  std::thread waits(wait_for_work);
  std::thread works([] {
    other_work(1000000);
    work();
  });
  waits.join();
  works.join();
  std::puts("done");
}
