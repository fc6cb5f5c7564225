#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace ndr {

template <class T>
boost::asio::awaitable<void> keep_result(boost::asio::awaitable<T> work, std::optional<T>& result) {
  result.emplace(co_await std::move(work));
}

/// Runs one coroutine to its end on this thread and returns what it returned, or throws what it threw. Other work of
/// the context goes on only for as long. Throws where it has not ended within `limit`.
template <class T>
T run_coroutine(boost::asio::io_context& io, boost::asio::awaitable<T> work,
                std::chrono::seconds limit = std::chrono::seconds{60}) {
  if constexpr (std::is_void_v<T>) {
    bool ended = false;
    std::exception_ptr thrown;
    boost::asio::co_spawn(io, std::move(work), [&](std::exception_ptr error) {
      thrown = error;
      ended = true;
    });
    io.restart();
    const auto until = std::chrono::steady_clock::now() + limit;
    while (!ended && io.run_one_until(until) > 0) {
    }
    if (!ended) throw std::runtime_error{"the coroutine has not ended"};
    if (thrown) std::rethrow_exception(thrown);
  } else {
    std::optional<T> result;
    run_coroutine<void>(io, keep_result(std::move(work), result), limit);
    return std::move(*result);
  }
}

}  // namespace ndr
