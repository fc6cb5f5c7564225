// The work queue's own test: two threads factorise the numbers of a queue until it is empty.
#include "work_queue.hpp"
#include "printed_test.hpp"

#include <array>
#include <exception>
#include <thread>

namespace {

std::uint64_t smallest_factor(std::uint64_t number) {
  for (std::uint64_t factor = 2; factor * factor <= number; ++factor)
    if (number % factor == 0) return factor;
  return number;
}

std::size_t count_prime_factors(std::uint64_t number) {
  std::size_t count = 0;
  for (; number > 1; ++count)
    number /= smallest_factor(number);
  return count;
}

// What one thread found, and what stopped it, if anything did.
struct Share {
  std::size_t factors = 0;
  std::exception_ptr failure;
};

void empty_queue(WorkQueue& queue, Share& share) try {
  while (const auto number = queue.next())
    share.factors += count_prime_factors(*number);
} catch (...) {
  share.failure = std::current_exception();
}

// Factorises [first, first + count) on two threads; rethrows what stopped one of them.
std::size_t factors_of_range(std::uint64_t first, std::uint64_t count) {
  WorkQueue queue;
  for (std::uint64_t number = first; number < first + count; ++number)
    queue.add(number);
  std::array<Share, 2> shares;
  std::thread helper{[&] { empty_queue(queue, shares[1]); }};
  empty_queue(queue, shares[0]);
  helper.join();
  for (const Share& share : shares)
    if (share.failure) std::rethrow_exception(share.failure);
  return shares[0].factors + shares[1].factors;
}

}  // namespace

TEST(WorkQueue, TwoThreadsEmptyIt) {
  std::size_t factors = 0;
  for (std::uint64_t block = 0; block < 16; ++block)
    EXPECT_NO_THROW(factors += factors_of_range(10'000'000'000 + 16 * block, 6));
  EXPECT_LT(0u, factors);
}

TEST(WorkQueue, OneThreadTakesInOrder) {
  WorkQueue queue;
  for (std::uint64_t number = 1; number <= 3; ++number)
    queue.add(number);
  for (std::uint64_t number = 1; number <= 3; ++number)
    EXPECT_EQ(number, queue.take());
  EXPECT_EQ(0u, queue.waiting());
}

TEST_MAIN
