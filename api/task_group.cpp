#include "api/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <exception>

#include "supervisor/log.hpp"

namespace ndr {
namespace asio = boost::asio;
namespace {

void log_failure(const std::string& what, const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& failure) {
    if (failure.code() != asio::error::operation_aborted) log_error("{}: {}", what, failure.what());
  } catch (const std::exception& failure) {
    log_error("{}: {}", what, failure.what());
  }
}

}  // namespace

TaskGroup::TaskGroup(asio::any_io_executor executor)
    : executor_(std::move(executor)), bell_(executor_, asio::steady_timer::time_point::max()) {}

void TaskGroup::spawn(std::string what, asio::awaitable<void> task) {
  if (stopping_) return;
  const auto place = signals_.emplace(signals_.end());
  asio::co_spawn(
      executor_, std::move(task),
      asio::bind_cancellation_slot(place->slot(), [this, place, what = std::move(what)](std::exception_ptr error) {
        ended(place, what, std::move(error));
      }));
}

void TaskGroup::ended(Signals::iterator task, const std::string& what, std::exception_ptr error) {
  if (error) log_failure(what, error);
  signals_.erase(task);
  bell_.cancel();
}

asio::awaitable<void> TaskGroup::fewer_than(std::size_t count) {
  while (signals_.size() >= count) {
    boost::system::error_code ignored;  // always aborted: the timer never expires
    co_await bell_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

asio::awaitable<void> TaskGroup::stop() {
  stopping_ = true;
  // emit() may run handlers that end a task and so change the list.
  for (auto task = signals_.begin(); task != signals_.end();)
    (task++)->emit(asio::cancellation_type::terminal);
  co_await fewer_than(1);
}

}  // namespace ndr
