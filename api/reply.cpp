#include "api/reply.hpp"

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <ctime>

#include "supervisor/clock.hpp"

namespace ndr {
namespace {

constexpr std::string_view common_headers =
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cache-Control: no-store\r\n";

/// IMF-fixdate (RFC 9110, 5.6.7).
std::string http_date() {
  const std::time_t now = wall_ms() / 1000;
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text, size};
}

std::string one_line(std::string value) {
  std::replace_if(
      value.begin(), value.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return value;
}

}  // namespace

Reply json_reply(std::string text, int status) {
  return Reply{status, {{"Content-Type", "application/json"}}, std::move(text) + "\n"};
}

Reply accepted(std::string text, std::string location) {
  Reply reply = json_reply(std::move(text), 202);
  reply.headers.push_back({"Location", std::move(location)});
  return reply;
}

Reply problem_reply(const Problem& problem, std::string_view instance) {
  Reply reply{problem.status(), {{"Content-Type", "application/problem+json"}}, to_json_text(problem, instance)};
  reply.headers.insert(reply.headers.end(), problem.headers.begin(), problem.headers.end());
  return reply;
}

std::string head_text(const Reply& reply, Framing framing, bool keep_alive) {
  std::string text = "HTTP/1.1 " + std::to_string(reply.status) + " ";
  text += boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(static_cast<unsigned>(reply.status)));
  text += "\r\nDate: " + http_date() + "\r\n";
  for (const Header& header : reply.headers)
    text += header.name + ": " + one_line(header.value) + "\r\n";
  text += common_headers;
  if (framing == Framing::chunked) text += "Transfer-Encoding: chunked\r\n";
  if (const auto* log = std::get_if<LogStream>(&reply.body); log && log->length())
    text += "Content-Length: " + std::to_string(*log->length()) + "\r\n";
  if (const auto* bytes = std::get_if<std::string>(&reply.body))
    text += "Content-Length: " + std::to_string(bytes->size()) + "\r\n";
  return text + (keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
}

}  // namespace ndr
