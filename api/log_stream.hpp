#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "api/file_watch.hpp"
#include "api/log_range.hpp"
#include "storage/records.hpp"
#include "storage/unique_fd.hpp"
#include "supervisor/change_feed.hpp"
#include "supervisor/store_access.hpp"

namespace ndr {

/// The bytes of one attempt's log, in pieces of at most 64 KiB read from a held fd: a fixed part, or all from an offset
/// on until the attempt has its verdict. What the store and the feed are must outlive it.
class LogStream {
public:
  LogStream(UniqueFd log, ByteRange part);
  LogStream(UniqueFd log, std::uint64_t from, AttemptId attempt, boost::asio::any_io_executor executor,
            StoreAccess& store, ChangeFeed& changes);

  /// Of the whole body; nothing for a followed log.
  std::optional<std::uint64_t> length() const;
  /// Whether next() may wait for something to happen.
  bool waits() const { return follow_ != nullptr; }
  /// The next piece, empty at the end. Throws std::system_error, also when a fixed part has shrunk.
  boost::asio::awaitable<std::string> next();

private:
  struct Follow {
    AttemptId attempt;
    StoreAccess& store;
    ChangeFeed& changes;
    FileWatch watch;
    bool ended = false;
  };
  std::string read_piece(std::uint64_t most);
  boost::asio::awaitable<std::string> next_followed();

  UniqueFd log_;
  std::uint64_t offset_ = 0;
  std::uint64_t end_ = 0;  // of a fixed part
  std::uint64_t length_ = 0;
  std::unique_ptr<Follow> follow_;
};

}  // namespace ndr
