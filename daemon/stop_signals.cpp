#include "daemon/stop_signals.hpp"

#include <boost/asio/signal_set.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

namespace ndr {

boost::asio::awaitable<int> stop_signal() {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::signal_set signals{executor, SIGTERM, SIGINT};
  const int number = co_await signals.async_wait(boost::asio::use_awaitable);
  co_return number;
}

}  // namespace ndr
