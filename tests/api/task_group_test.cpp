#include "api/task_group.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <stdexcept>

#include "tests/support/catch.hpp"

namespace ndr {
namespace {

namespace asio = boost::asio;

asio::awaitable<void> wait_for_ever(int& ended) {
  struct Ended {
    int& count;
    ~Ended() { ++count; }
  } on_exit{ended};
  asio::steady_timer never{co_await asio::this_coro::executor, asio::steady_timer::time_point::max()};
  co_await never.async_wait(asio::use_awaitable);
}

asio::awaitable<void> fail() {
  throw std::runtime_error{"expected by a test"};
  co_return;
}

TEST_CASE("stop cancels what runs and waits for it") {
  asio::io_context io;
  TaskGroup tasks{io.get_executor()};
  int ended = 0;
  for (int i = 0; i < 3; ++i)
    tasks.spawn("task", wait_for_ever(ended));
  io.poll();
  CHECK(tasks.size() == 3);
  auto stopped = asio::co_spawn(io, tasks.stop(), asio::use_future);
  io.run();
  stopped.get();
  CHECK(ended == 3);
  CHECK(tasks.size() == 0);
  tasks.spawn("too late", wait_for_ever(ended));
  CHECK(tasks.size() == 0);
}

TEST_CASE("a task that fails ends alone") {
  asio::io_context io;
  TaskGroup tasks{io.get_executor()};
  tasks.spawn("task", fail());
  auto empty = asio::co_spawn(io, tasks.fewer_than(1), asio::use_future);
  io.run();
  empty.get();
  CHECK(tasks.size() == 0);
}

}  // namespace
}  // namespace ndr
