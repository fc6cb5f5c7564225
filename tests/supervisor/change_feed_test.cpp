#include "supervisor/change_feed.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>

#include "supervisor/clock.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/run_coroutine.hpp"

using namespace ndr;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

asio::awaitable<int> count_wakes(ChangeFeed& feed, int wanted) {
  std::uint64_t seen = feed.generation();
  int wakes = 0;
  while (wakes < wanted) {
    const bool newer = co_await feed.newer_than(seen, 10s);
    if (!newer) break;
    seen = feed.generation();
    ++wakes;
  }
  co_return wakes;
}

}  // namespace

TEST_CASE("a listener is told at once of what it has missed") {
  asio::io_context io;
  ChangeFeed feed{io.get_executor()};
  feed.bump();
  CHECK(run_coroutine(io, feed.newer_than(0, 10s)));
  CHECK(feed.generation() == 1);
}

TEST_CASE("a listener without news returns after its limit") {
  asio::io_context io;
  ChangeFeed feed{io.get_executor()};
  const std::int64_t begin = steady_ms();
  CHECK_FALSE(run_coroutine(io, feed.newer_than(0, 20ms)));
  CHECK(steady_ms() - begin >= 20);
  CHECK_FALSE(run_coroutine(io, feed.newer_than(0, -1s)));
}

TEST_CASE("one bump wakes all listeners, each by its own limit") {
  asio::io_context io;
  ChangeFeed feed{io.get_executor()};
  int woken = 0;
  for (const auto limit : {std::chrono::milliseconds{60s}, std::chrono::milliseconds::max()})
    asio::co_spawn(io, feed.newer_than(0, limit), [&](std::exception_ptr, bool newer) { woken += newer; });
  asio::post(io, [&] { feed.bump(); });
  const std::int64_t begin = steady_ms();
  io.run();
  CHECK(woken == 2);
  CHECK(steady_ms() - begin < 10000);
}

TEST_CASE("bumps between two looks of a listener become one wake") {
  asio::io_context io;
  ChangeFeed feed{io.get_executor()};
  int wakes = 0;
  asio::co_spawn(io, count_wakes(feed, 2), [&](std::exception_ptr, int counted) { wakes = counted; });
  asio::post(io, [&] {
    feed.bump();
    feed.bump();
    feed.bump();
    asio::post(io, [&] { asio::post(io, [&] { feed.bump(); }); });
  });
  io.run();
  CHECK(wakes == 2);
  CHECK(feed.generation() == 4);
}

TEST_CASE("listeners may be destroyed after the feed") {
  asio::io_context io;
  {
    ChangeFeed feed{io.get_executor()};
    asio::co_spawn(io, feed.newer_than(0, 60s), [](std::exception_ptr, bool) {});
    io.poll();
  }
}
