#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>

#include "supervisor/spawn.hpp"

namespace ndr {

/// Waits for one process by its pidfd and reaps it where it is our child; kept alive by its own wait, so that no
/// zombie stays when nobody else holds it. Never signals the process by itself.
class ShimWatch {
public:
  /// Takes the pidfd and begins to wait.
  static std::shared_ptr<ShimWatch> begin(boost::asio::any_io_executor executor, Spawned process);
  ~ShimWatch();
  ShimWatch(const ShimWatch&) = delete;
  ShimWatch& operator=(const ShimWatch&) = delete;

  boost::asio::awaitable<void> ended();
  bool has_ended() const;
  /// The status as waitpid gives it; nothing before its end and where it was not our child.
  std::optional<int> status() const;
  bool signal(int number);  // false when it is gone
  /// No more waiting: it stays a zombie until we die when it was our child.
  void release();

private:
  static void wait_for_end(const std::shared_ptr<ShimWatch>& watch);
  struct State;
  explicit ShimWatch(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace ndr
