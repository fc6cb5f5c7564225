#pragma once
#include <boost/asio/awaitable.hpp>

#include "api/context.hpp"
#include "api/gate.hpp"
#include "storage/unique_fd.hpp"

namespace ndr {

/// One connection from its first byte to its end: requests one after the other, each within its limits. Throws only
/// when cancelled. `api` outlives it.
boost::asio::awaitable<void> serve_connection(Api& api, UniqueFd socket, Peer peer);

}  // namespace ndr
