// Atomicity: the balance is looked at under the lock, and taken from under the lock, but not in one hold of it.
#include "race.hpp"

namespace {

class Account {
public:
  explicit Account(int balance) : balance_(balance) {}

  bool withdraw(int amount) {
    if (fixed) {
      const std::lock_guard<std::mutex> hold(mutex_);
      if (balance_ < amount) return false;
      balance_ -= amount;
      return true;
    }
    if (balance() < amount) return false;
    race_window();
    const std::lock_guard<std::mutex> hold(mutex_);
    balance_ -= amount;
    return true;
  }
  int balance() {
    const std::lock_guard<std::mutex> hold(mutex_);
    return balance_;
  }

private:
  std::mutex mutex_;
  int balance_;
};

}  // namespace

int main() {
  Account account(100);
  std::thread one([&] { account.withdraw(60); });
  std::thread two([&] {
    other_work(1000000);
    account.withdraw(60);
  });
  one.join();
  two.join();
  const int balance = account.balance();
  assert(balance >= 0);
}
