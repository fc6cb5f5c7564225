#pragma once
#include <boost/asio/awaitable.hpp>

namespace ndr {

/// Returns the number of the first SIGTERM or SIGINT.
boost::asio::awaitable<int> stop_signal();

}  // namespace ndr
