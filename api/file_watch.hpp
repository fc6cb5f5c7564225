#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <optional>

#include "supervisor/change_feed.hpp"

namespace ndr {

/// Tells when an open file may have grown. Where the host has no inotify watch left, a look once a second takes its
/// place.
class FileWatch {
public:
  FileWatch(boost::asio::any_io_executor executor, int fd);
  /// Returns after the next write to the file, or when the feed is above `seen`; may return for nothing.
  boost::asio::awaitable<void> changed(ChangeFeed& changes, std::uint64_t seen);

private:
  boost::asio::awaitable<void> written();

  std::optional<boost::asio::posix::stream_descriptor> inotify_;
};

}  // namespace ndr
