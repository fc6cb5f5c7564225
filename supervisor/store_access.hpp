#pragma once
#include <boost/asio/awaitable.hpp>
#include <optional>
#include <type_traits>
#include <utility>

#include "storage/store.hpp"
#include "supervisor/change_feed.hpp"

namespace ndr {

/// The awaitable door to the store. Work runs inline today; a slow disk may move it to a thread of its own
/// without touching a caller. `work` is a plain function object taking Store&; what it returns is returned
/// (never a reference into the store).
class StoreAccess {
public:
  StoreAccess(Store& store, ChangeFeed& changes) : store_(store), changes_(changes) {}

  template <class Work>
  boost::asio::awaitable<std::invoke_result_t<Work&, Store&>> read(Work work) {
    co_return work(store_);
  }

  /// One durable transaction, then a bump of the change feed.
  template <class Work>
  boost::asio::awaitable<std::invoke_result_t<Work&, Store&>> write(Work work) {
    using Result = std::invoke_result_t<Work&, Store&>;
    if constexpr (std::is_void_v<Result>) {
      store_.transaction([&] { work(store_); });
      changes_.bump();
      co_return;
    } else {
      std::optional<Result> result;
      store_.transaction([&] { result.emplace(work(store_)); });
      changes_.bump();
      co_return std::move(*result);
    }
  }

  /// For signals and progress, which can be read again from the log after a power cut.
  template <class Work>
  boost::asio::awaitable<void> write_quickly(Work work) {
    store_.quick_transaction([&] { work(store_); });
    changes_.bump();
    co_return;
  }

private:
  Store& store_;
  ChangeFeed& changes_;
};

}  // namespace ndr
