#include "supervisor/change_feed.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ndr {
namespace asio = boost::asio;

/// On the list for as long as its coroutine waits, also when that is destroyed while waiting.
class ChangeFeed::Listener {
public:
  Listener(ChangeFeed& feed, std::chrono::steady_clock::time_point until)
      : listeners_(feed.listeners_), timer_(feed.executor_, until) {
    listeners_->push_back(&timer_);
  }
  ~Listener() { std::erase(*listeners_, &timer_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  asio::steady_timer& timer() { return timer_; }

private:
  std::shared_ptr<std::vector<asio::steady_timer*>> listeners_;
  asio::steady_timer timer_;
};

ChangeFeed::ChangeFeed(asio::any_io_executor executor)
    : executor_(std::move(executor)), listeners_(std::make_shared<std::vector<asio::steady_timer*>>()) {}

void ChangeFeed::bump() {
  ++generation_;
  for (asio::steady_timer* timer : *listeners_)
    timer->cancel();
}

asio::awaitable<bool> ChangeFeed::newer_than(std::uint64_t seen, std::chrono::milliseconds limit) {
  // A day is for ever here; more would overflow the clock.
  const auto until = std::chrono::steady_clock::now() +
                     std::clamp<std::chrono::milliseconds>(limit, std::chrono::milliseconds{0}, std::chrono::hours{24});
  while (generation_ <= seen && std::chrono::steady_clock::now() < until) {
    Listener listener{*this, until};
    boost::system::error_code ignored;  // aborted: the bell
    co_await listener.timer().async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  co_return generation_ > seen;
}

}  // namespace ndr
