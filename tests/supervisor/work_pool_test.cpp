#include "supervisor/work_pool.hpp"

#include <stdexcept>
#include <thread>

#include "tests/support/catch.hpp"
#include "tests/support/run_coroutine.hpp"

using namespace ndr;

TEST_CASE("work runs on the other thread and its result comes back to this one") {
  boost::asio::io_context io;
  WorkPool pool;
  const auto here = std::this_thread::get_id();
  const auto there = run_coroutine(io, pool.run([] { return std::this_thread::get_id(); }));
  CHECK(there != here);
}

TEST_CASE("what work throws comes back to the caller") {
  boost::asio::io_context io;
  WorkPool pool;
  const auto fail = []() -> int { throw std::runtime_error{"unreadable"}; };
  CHECK_THROWS_WITH(run_coroutine(io, pool.run(fail)), "unreadable");
  CHECK(run_coroutine(io, pool.run([] { return 3; })) == 3);
}

TEST_CASE("a pool waits for its work, though nobody else does") {
  bool done = false;
  {
    boost::asio::io_context io;
    WorkPool pool;
    boost::asio::co_spawn(io, pool.run([&done] { return done = true; }), [](std::exception_ptr, bool) {});
    io.poll();
  }
  CHECK(done);
}
