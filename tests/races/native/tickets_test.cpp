// Google Test: the next ticket is read and counted on in two holds of the lock.
#include <gtest/gtest.h>

#include <set>

#include "race.hpp"

namespace {

class Tickets {
public:
  int draw() {
    if (fixed) {
      const std::lock_guard<std::mutex> hold(mutex_);
      return next_++;
    }
    int ticket = 0;
    {
      const std::lock_guard<std::mutex> hold(mutex_);
      ticket = next_;
    }
    race_window();
    const std::lock_guard<std::mutex> hold(mutex_);
    next_ = ticket + 1;
    return ticket;
  }

private:
  std::mutex mutex_;
  int next_ = 0;
};

}  // namespace

TEST(Tickets, NoTwoAreTheSame) {
  Tickets tickets;
  int of_one = -1;
  int of_two = -1;
  std::thread one([&] { of_one = tickets.draw(); });
  std::thread two([&] {
    other_work(1000000);
    of_two = tickets.draw();
  });
  one.join();
  two.join();
  EXPECT_NE(of_one, of_two);
}
