#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "storage/unique_fd.hpp"
#include "supervisor/run/log_watch.hpp"

namespace ndr {

/// Follows one growing log file through a held descriptor and hands over its bytes in order, in chunks of at most 256
/// KiB, so that memory is bounded whatever the lines are. Passive: it neither starts nor stops the writer; one reader
/// owns it. A deleted or replaced file is read on to the end through the descriptor.
class LogTailer {
public:
  /// `path` is only watched for changes. `held` is open for reading.
  LogTailer(boost::asio::any_io_executor executor, LogWatch& watch, UniqueFd held, const std::filesystem::path& path,
            std::uint64_t from_offset);

  /// The next bytes, waiting for them; valid until the next call. Empty: the end, after finish(), or the wait was
  /// cut short by wake(). Throws std::system_error when the file cannot be read.
  boost::asio::awaitable<std::string_view> next_chunk();
  /// No more will be written; next_chunk() drains what is there and then returns empty at once.
  void finish();
  bool finished() const { return finished_; }
  /// Makes a waiting next_chunk() return (empty).
  void wake();

  std::uint64_t offset() const { return offset_; }  // of the first byte not handed over
  /// How often the file became shorter than what was read; reading then went on from its new end.
  int truncations() const { return truncations_; }

private:
  bool read_some();

  UniqueFd held_;
  std::uint64_t offset_;
  std::unique_ptr<char[]> buffer_;
  std::string_view chunk_;
  bool finished_ = false;
  bool woken_ = false;
  int truncations_ = 0;
  boost::asio::steady_timer bell_;
  LogWatch::Subscription subscription_;
};

}  // namespace ndr
