#pragma once
#include <optional>
#include <string_view>

#include "api/problem.hpp"

namespace ndr {

/// What a lenient parser would let through and two programs could read differently (RFC 9112, 5.2, 6.3, 11.2): a bare
/// CR or LF, other control characters, folded lines, more than one Host, Content-Length or Transfer-Encoding, a
/// Content-Length that is not digits, a Transfer-Encoding beside it or other than "chunked", no Host.
/// `head` may be incomplete: then only what is already wrong is told.
std::optional<Problem> check_head(std::string_view head);

}  // namespace ndr
