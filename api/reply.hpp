#pragma once
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/event_stream.hpp"
#include "api/http.hpp"
#include "api/log_stream.hpp"
#include "api/problem.hpp"

namespace ndr {

/// What follows the head: bytes at hand, or a stream that is asked piece by piece so that memory stays bounded.
using ReplyBody = std::variant<std::string, LogStream, EventStream>;

struct Reply {
  int status = 200;
  std::vector<Header> headers;
  ReplyBody body;
};

/// `text` is JSON; a newline is added for terminals.
Reply json_reply(std::string text, int status = 200);
/// 202 with the place where the work can be followed.
Reply accepted(std::string text, std::string location);
Reply problem_reply(const Problem& problem, std::string_view instance);

/// How the body's end is told to the client.
enum class Framing { length, chunked, until_close };

/// Status line and headers, with those that every reply carries (no sniffing, no referrer, no foreign content, no
/// caching), up to the empty line. Line breaks in header values are replaced by spaces.
std::string head_text(const Reply& reply, Framing framing, bool keep_alive);

}  // namespace ndr
