#pragma once
#include <boost/asio/any_io_executor.hpp>

#include "api/gate.hpp"
#include "api/idempotency.hpp"
#include "api/limits.hpp"
#include "api/metrics.hpp"
#include "api/router.hpp"
#include "api/services.hpp"
#include "api/task_group.hpp"

namespace ndr {

/// What the requests of one server share. Lives on the I/O thread, as long as the server.
struct Api {
  boost::asio::any_io_executor executor;
  Services services;
  ServerLimits limits;
  Gate gate;
  Router router;
  TaskGroup tasks;  // work that goes on after its request, such as resets
  IdempotencyKeys keys;
  Metrics metrics;
};

}  // namespace ndr
