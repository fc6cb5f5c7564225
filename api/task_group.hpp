#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <list>
#include <string>

namespace ndr {

/// Coroutines that somebody waits for: stop() cancels what still runs and returns when none is left. An exception that
/// leaves one is logged. Lives on the I/O thread and outlives its tasks.
class TaskGroup {
public:
  explicit TaskGroup(boost::asio::any_io_executor executor);
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts `task`, or drops it when stop() was called. `what` names it in the log.
  void spawn(std::string what, boost::asio::awaitable<void> task);
  std::size_t size() const { return signals_.size(); }
  /// Returns when fewer than `count` run.
  boost::asio::awaitable<void> fewer_than(std::size_t count);
  boost::asio::awaitable<void> stop();

private:
  using Signals = std::list<boost::asio::cancellation_signal>;
  void ended(Signals::iterator task, const std::string& what, std::exception_ptr error);

  boost::asio::any_io_executor executor_;
  Signals signals_;
  boost::asio::steady_timer bell_;  // rung when a task has ended; one waits at a time for each caller
  bool stopping_ = false;
};

}  // namespace ndr
