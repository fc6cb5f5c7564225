#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <map>
#include <vector>

namespace ndr {

/// Tells tailers that their file has grown: one inotify instance for all, since a host gives each user 128. Without one
/// (none left) it stays silent and tailers live by their own backstop. Wakes nobody while nothing is watched.
/// Lives on the I/O thread and outlives its subscriptions.
class LogWatch {
public:
  explicit LogWatch(boost::asio::any_io_executor executor);
  ~LogWatch();
  LogWatch(const LogWatch&) = delete;
  LogWatch& operator=(const LogWatch&) = delete;

  /// Cancels `bell` whenever `file` changes, is moved or deleted, for as long as the subscription lives.
  class Subscription {
  public:
    Subscription(LogWatch& watch, const std::filesystem::path& file, boost::asio::steady_timer& bell);
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

  private:
    LogWatch& watch_;
    boost::asio::steady_timer& bell_;
    int descriptor_;
  };

private:
  void listen();
  void read_events();

  boost::asio::posix::stream_descriptor inotify_;
  std::map<int, std::vector<boost::asio::steady_timer*>> bells_;  // by watch descriptor
  bool listening_ = false;
};

}  // namespace ndr
