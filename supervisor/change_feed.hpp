#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>

namespace ndr {

/// "Something newer is in the database": a generation and a bell. Wakes may coalesce; listeners read the
/// tables again. Lives on the one I/O thread and outlives its listeners.
class ChangeFeed {
public:
  explicit ChangeFeed(boost::asio::any_io_executor executor);
  void bump();
  std::uint64_t generation() const { return generation_; }
  /// Returns when the generation is above `seen`, at the latest after `limit`; tells which.
  boost::asio::awaitable<bool> newer_than(std::uint64_t seen, std::chrono::milliseconds limit);

private:
  std::uint64_t generation_ = 0;
  boost::asio::steady_timer bell_;  // never expires; cancelled to wake all listeners
};

}  // namespace ndr
