#pragma once
#include <chrono>
#include <cstddef>

namespace ndr {

/// What one client may take of the daemon. A test has shorter times.
struct ServerLimits {
  std::size_t connections = 1024;  // above, accepting pauses
  std::size_t per_uid = 64;        // above, 503
  std::size_t tcp = 512;           // of all TCP peers, whose uid is unknown
  std::size_t head_bytes = 8 << 10;
  std::size_t body_bytes = 1 << 20;
  std::chrono::milliseconds first_byte{5000};
  std::chrono::milliseconds head{10000};
  std::chrono::milliseconds body{30000};
  std::chrono::milliseconds idle{60000};   // between two requests
  std::chrono::milliseconds write{30000};  // one piece of a reply
  std::chrono::milliseconds event_ping{15000};
};

}  // namespace ndr
