#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

namespace ndr {

/// "Something newer is in the database": a generation and a bell. Wakes may coalesce; listeners read the
/// tables again. Lives on the one I/O thread; a listener may only be destroyed, never resumed, after it.
class ChangeFeed {
public:
  explicit ChangeFeed(boost::asio::any_io_executor executor);
  void bump();
  std::uint64_t generation() const { return generation_; }
  /// Returns when the generation is above `seen`, at the latest after `limit`; tells which.
  boost::asio::awaitable<bool> newer_than(std::uint64_t seen, std::chrono::milliseconds limit);

private:
  class Listener;
  boost::asio::any_io_executor executor_;
  std::uint64_t generation_ = 0;
  // Each has its own limit and is cancelled to wake it. Shared, since at the end of the program a context destroys
  // the coroutines that still wait, after us.
  std::shared_ptr<std::vector<boost::asio::steady_timer*>> listeners_;
};

}  // namespace ndr
