#include "supervisor/run/log_tailer.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <system_error>

namespace ndr {
namespace {

namespace asio = boost::asio;

// A quarter of a usual second-level cache: larger chunks were not read faster.
constexpr std::size_t chunk_size = 256 << 10;
// Some file systems give no events.
constexpr std::chrono::seconds backstop{1};

}  // namespace

LogTailer::LogTailer(asio::any_io_executor executor, LogWatch& watch, UniqueFd held, const std::filesystem::path& path,
                     std::uint64_t from_offset)
    : held_(std::move(held)),
      offset_(from_offset),
      buffer_(std::make_unique<char[]>(chunk_size)),
      bell_(executor),
      subscription_(watch, path, bell_) {}

asio::awaitable<std::string_view> LogTailer::next_chunk() {
  // A writer faster than its reader must not keep all others from the one I/O thread.
  if (!chunk_.empty()) co_await asio::post(bell_.get_executor(), asio::use_awaitable);
  chunk_ = {};
  while (!read_some()) {
    if (finished_ || woken_) {
      woken_ = false;
      co_return std::string_view{};
    }
    bell_.expires_after(backstop);
    co_await bell_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return chunk_;
}

void LogTailer::finish() {
  finished_ = true;
  bell_.cancel();
}

void LogTailer::wake() {
  woken_ = true;
  bell_.cancel();
}

bool LogTailer::read_some() {
  const ssize_t size = ::pread(held_.get(), buffer_.get(), chunk_size, static_cast<off_t>(offset_));
  if (size < 0) {
    if (errno == EINTR) return false;
    throw std::system_error{errno, std::generic_category(), "read the run's log"};
  }
  if (size > 0) {
    chunk_ = {buffer_.get(), static_cast<std::size_t>(size)};
    offset_ += static_cast<std::uint64_t>(size);
    return true;
  }
  struct stat file {};
  if (::fstat(held_.get(), &file) == 0 && static_cast<std::uint64_t>(file.st_size) < offset_) {
    // O_APPEND writers go on at the new end; what lay before it is gone.
    offset_ = static_cast<std::uint64_t>(file.st_size);
    ++truncations_;
  }
  return false;
}

}  // namespace ndr
