#pragma once
#include <chrono>
#include <optional>
#include <string>

namespace ndr {

/// What the service manager is told (sd_notify(3)); nothing happens without one.
void notify_ready(const std::string& status);
void notify_stopping();
void notify_watchdog();

/// How often the manager wants to hear of us, halved; nothing where it does not watch.
std::optional<std::chrono::microseconds> watchdog_interval();

/// Sockets passed in (sd_listen_fds(3)), by kind; -1 where there is none. Taken once; close-on-exec is set.
struct InheritedSockets {
  int unix_socket = -1;
  int tcp_socket = -1;
};
InheritedSockets inherited_sockets();

}  // namespace ndr
