#include <gtest/gtest.h>

#include <exception>
#include <thread>
#include <vector>

#include "take_queue.hpp"

namespace {

// Empties queues with so many threads; what a thread threw is thrown here.
void empty_with(int threads, int rounds, int numbers) {
  for (int round = 0; round < rounds; ++round) {
    TakeQueue queue{numbers};
    std::vector<std::exception_ptr> errors(static_cast<std::size_t>(threads));
    std::vector<std::thread> workers;
    for (auto& error : errors)
      workers.emplace_back([&] {
        try {
          for (int number = 0; queue.next(number);) {
          }
        } catch (...) {
          error = std::current_exception();
        }
      });
    for (auto& worker : workers)
      worker.join();
    for (const auto& error : errors)
      if (error) std::rethrow_exception(error);
  }
}

class QueueFixture : public ::testing::Test {
protected:
  void SetUp() override { rounds_ = 300; }
  int rounds_ = 0;
};

class QueueSweep : public ::testing::TestWithParam<int> {};

}  // namespace

TEST(TakeQueue, TwoThreadsEmptyIt) { empty_with(2, 300, 400); }

TEST(TakeQueue, OneThreadEmptiesIt) { empty_with(1, 10, 16); }

TEST_F(QueueFixture, ThreadsEmptyIt) { empty_with(2, rounds_, 500); }

TEST_P(QueueSweep, ThreadsEmptyIt) { empty_with(GetParam(), 300, 400); }

INSTANTIATE_TEST_SUITE_P(Threads, QueueSweep, ::testing::Values(1, 2));
