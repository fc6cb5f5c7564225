#include "daemon/systemd_notify.hpp"

#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <cstdint>

namespace ndr {

void notify_ready(const std::string& status) { sd_notify(0, ("READY=1\nSTATUS=" + status).c_str()); }

void notify_stopping() { sd_notify(0, "STOPPING=1"); }

void notify_watchdog() { sd_notify(0, "WATCHDOG=1"); }

std::optional<std::chrono::microseconds> watchdog_interval() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::microseconds{microseconds / 2};
}

InheritedSockets inherited_sockets() {
  InheritedSockets sockets;
  const int count = sd_listen_fds(1);
  for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd) {
    if (sd_is_socket(fd, AF_UNIX, SOCK_STREAM, 1) > 0)
      sockets.unix_socket = fd;
    else if (sd_is_socket(fd, AF_INET, SOCK_STREAM, 1) > 0)
      sockets.tcp_socket = fd;
  }
  return sockets;
}

}  // namespace ndr
