#include "api/log_stream.hpp"

#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace ndr {
namespace asio = boost::asio;
namespace {

constexpr std::uint64_t piece_size = 64 << 10;

struct HasEnded {
  AttemptId id;
  bool operator()(Store& store) const {
    const auto row = store.attempts.find(id);
    return !row || row->verdict.has_value();
  }
};

}  // namespace

LogStream::LogStream(UniqueFd log, ByteRange part)
    : log_(std::move(log)), offset_(part.begin), end_(part.end), length_(part.end - part.begin) {}

LogStream::LogStream(UniqueFd log, std::uint64_t from, AttemptId attempt, asio::any_io_executor executor,
                     StoreAccess& store, ChangeFeed& changes)
    : log_(std::move(log)), offset_(from) {
  follow_ = std::make_unique<Follow>(Follow{attempt, store, changes, FileWatch{std::move(executor), log_.get()}});
}

std::optional<std::uint64_t> LogStream::length() const {
  if (follow_) return std::nullopt;
  return length_;
}

std::string LogStream::read_piece(std::uint64_t most) {
  std::string piece(static_cast<std::size_t>(most), '\0');
  const ssize_t got = ::pread(log_.get(), piece.data(), piece.size(), static_cast<off_t>(offset_));
  if (got < 0) throw std::system_error{errno, std::generic_category(), "read a log"};
  piece.resize(static_cast<std::size_t>(got));
  offset_ += static_cast<std::uint64_t>(got);
  return piece;
}

asio::awaitable<std::string> LogStream::next() {
  if (follow_) co_return co_await next_followed();
  if (offset_ == end_) co_return std::string{};
  std::string piece = read_piece(std::min(piece_size, end_ - offset_));
  // The length is promised already: the only honest way out is to break the connection.
  if (piece.empty()) throw std::system_error{EIO, std::generic_category(), "a log shrank while it was read"};
  co_return piece;
}

asio::awaitable<std::string> LogStream::next_followed() {
  for (;;) {
    std::string piece = read_piece(piece_size);
    if (!piece.empty() || follow_->ended) co_return piece;
    // The order matters: once the verdict is there nothing more is written, so one more read gets all.
    const std::uint64_t seen = follow_->changes.generation();
    const HasEnded work{follow_->attempt};
    follow_->ended = co_await follow_->store.read(work);
    if (!follow_->ended) co_await follow_->watch.changed(follow_->changes, seen);
  }
}

}  // namespace ndr
