#pragma once
#include "daemon/config.hpp"

namespace ndr {

/// Builds everything in order, takes up what a daemon before us left, serves until SIGTERM or SIGINT, and stops in the
/// reverse order; running attempts go on without us. Returns the exit status: 0, 75 (another daemon has the state
/// folder), 78 (the database is newer than this program), 2 (check_start refuses), 1 (a socket cannot be had); all said
/// on the log.
int serve(const Config& config);

}  // namespace ndr
