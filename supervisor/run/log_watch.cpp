#include "supervisor/run/log_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace ndr {

namespace asio = boost::asio;

LogWatch::LogWatch(asio::any_io_executor executor) : inotify_(executor) {
  const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd >= 0) inotify_.assign(fd);
}

LogWatch::~LogWatch() = default;

void LogWatch::listen() {
  if (listening_ || !inotify_.is_open()) return;
  listening_ = true;
  inotify_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
    if (error == asio::error::operation_aborted) return;  // `this` may be gone
    listening_ = false;
    if (error) return;
    read_events();
    if (!bells_.empty()) listen();
  });
}

void LogWatch::read_events() {
  alignas(inotify_event) std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t size = ::read(inotify_.native_handle(), buffer.data(), buffer.size());
    if (size <= 0) return;
    for (const char* at = buffer.data(); at < buffer.data() + size;) {
      inotify_event event;
      std::memcpy(&event, at, sizeof event);
      at += sizeof event + event.len;
      const auto found = bells_.find(event.wd);
      if (found == bells_.end()) continue;
      for (asio::steady_timer* bell : found->second)
        bell->cancel();
    }
  }
}

LogWatch::Subscription::Subscription(LogWatch& watch, const std::filesystem::path& file, asio::steady_timer& bell)
    : watch_(watch), bell_(bell), descriptor_(-1) {
  if (!watch_.inotify_.is_open()) return;
  descriptor_ = ::inotify_add_watch(watch_.inotify_.native_handle(), file.c_str(),
                                    IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF);
  if (descriptor_ < 0) return;
  watch_.bells_[descriptor_].push_back(&bell_);
  watch_.listen();
}

LogWatch::Subscription::~Subscription() {
  const auto found = watch_.bells_.find(descriptor_);
  if (found == watch_.bells_.end()) return;
  std::erase(found->second, &bell_);
  if (!found->second.empty()) return;
  watch_.bells_.erase(found);
  ::inotify_rm_watch(watch_.inotify_.native_handle(), descriptor_);
}

}  // namespace ndr
