#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>
#include <utility>

namespace ndr {

/// The one thread for long CPU work, so that the I/O thread never waits for it. Its destructor waits for the work in
/// hand, whose end is told to the caller's executor: that one has to outlive the pool.
class WorkPool {
public:
  WorkPool() : thread_(1) {}
  ~WorkPool() { thread_.join(); }
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  /// Runs `work` over there and resumes the caller where it was, with its result or its exception. `work` owns what
  /// it needs: the caller may be gone before it ends. Its result can be made without arguments.
  template <class Work>
  boost::asio::awaitable<std::invoke_result_t<Work&>> run(Work work) {
    boost::asio::awaitable<std::invoke_result_t<Work&>> there = perform(std::move(work));
    co_return co_await boost::asio::co_spawn(thread_, std::move(there), boost::asio::use_awaitable);
  }

private:
  template <class Work>
  static boost::asio::awaitable<std::invoke_result_t<Work&>> perform(Work work) {
    co_return work();
  }

  boost::asio::thread_pool thread_;
};

}  // namespace ndr
