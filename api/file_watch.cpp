#include "api/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>

#include "storage/unique_fd.hpp"

namespace ndr {
namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;

FileWatch::FileWatch(asio::any_io_executor executor, int fd) {
  UniqueFd inotify{::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)};
  // Through the fd, so that the watch is on the file that is read, whatever its name points to by now.
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  if (!inotify || ::inotify_add_watch(inotify.get(), path.c_str(), IN_MODIFY) < 0) return;
  inotify_.emplace(std::move(executor), inotify.release());
}

asio::awaitable<void> FileWatch::written() {
  boost::system::error_code failed;
  co_await inotify_->async_wait(asio::posix::stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, failed));
  std::array<char, 4096> events;
  while (!failed && ::read(inotify_->native_handle(), events.data(), events.size()) > 0) {
  }
}

asio::awaitable<void> FileWatch::changed(ChangeFeed& changes, std::uint64_t seen) {
  if (!inotify_) {
    co_await changes.newer_than(seen, std::chrono::seconds(1));
    co_return;
  }
  co_await (written() || changes.newer_than(seen, std::chrono::hours(1)));
}

}  // namespace ndr
