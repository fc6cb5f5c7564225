#pragma once
#include <boost/asio/awaitable.hpp>

#include "api/context.hpp"
#include "api/http.hpp"
#include "api/reply.hpp"

namespace ndr {

/// From a request that passed the gate to its reply: route, Idempotency-Key, handler. The only place of the api that
/// catches: a full disk is 507, any other failure 500 with an id that is in the log. Throws only when cancelled.
boost::asio::awaitable<Reply> answer(Api& api, Request& request);

/// Whether the answer may be waited for (?wait, ?follow): it is given up when its client leaves.
bool may_wait(const Request& request);

}  // namespace ndr
