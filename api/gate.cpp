#include "api/gate.hpp"

#include <algorithm>
#include <array>

namespace ndr {
namespace {

std::string lowered(std::string_view text) {
  std::string result{text};
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

bool is_port(std::string_view text) {
  return text.size() <= 5 && !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<Problem> check_host(const Request& request) {
  const std::string host = request.header("host").value_or("");
  if (is_own_host(host)) return std::nullopt;
  return Problem{"wrong_host",
                 "the Host header is \"" + host + "\"",
                 "address the daemon as localhost, 127.0.0.1, [::1] or ndreprod",
                 {},
                 {}};
}

std::optional<Problem> check_origin(const Request& request) {
  const auto origin = request.header("origin");
  const std::string own = "http://" + lowered(request.header("host").value_or(""));
  if (origin && lowered(*origin) != own)
    return Problem{
        "foreign_origin", "the Origin header is \"" + *origin + "\"", "ask from the daemon's own page", {}, {}};
  const auto site = request.header("sec-fetch-site");
  if (site && *site != "same-origin" && *site != "none")
    return Problem{
        "foreign_origin", "the Sec-Fetch-Site header is \"" + *site + "\"", "ask from the daemon's own page", {}, {}};
  return std::nullopt;
}

bool is_json(std::string_view content_type) {
  std::string type = lowered(content_type.substr(0, content_type.find(';')));
  type.erase(type.find_last_not_of(" \t") + 1);
  return type == "application/json";
}

std::optional<Problem> check_content_type(const Request& request, bool has_body) {
  if (!has_body || is_json(request.header("content-type").value_or(""))) return std::nullopt;
  return Problem{"not_json",
                 "the Content-Type is \"" + request.header("content-type").value_or("") + "\"",
                 "send the body with `curl --json '{…}'`, or with -H 'Content-Type: application/json'",
                 {},
                 {}};
}

}  // namespace

bool is_own_host(std::string_view host) {
  static constexpr std::array<std::string_view, 4> names{"localhost", "127.0.0.1", "[::1]", "ndreprod"};
  const std::string text = lowered(host);
  return std::any_of(names.begin(), names.end(), [&](std::string_view name) {
    if (text == name) return true;
    return text.starts_with(name) && text.size() > name.size() && text[name.size()] == ':' &&
           is_port(std::string_view{text}.substr(name.size() + 1));
  });
}

bool equal_in_constant_time(std::string_view left, std::string_view right) {
  // volatile: the compiler may not stop at the first difference.
  volatile unsigned char difference = left.size() == right.size() ? 0 : 1;
  for (std::size_t i = 0; i < right.size(); ++i) {
    const char other = i < left.size() ? left[i] : '\0';
    difference = static_cast<unsigned char>(difference | static_cast<unsigned char>(other ^ right[i]));
  }
  return difference == 0;
}

std::optional<Problem> Gate::check_token(const Request& request) const {
  const std::string hint = "use -H @FILE with the daemon's file curl-header, or the unix socket";
  const auto given = request.header("authorization");
  if (!given)
    return Problem{"no_token", "there is no Authorization header", hint, {}, {{"WWW-Authenticate", "Bearer"}}};
  constexpr std::string_view scheme = "bearer ";
  const bool is_bearer = lowered(given->substr(0, scheme.size())) == scheme;
  if (is_bearer && !token_.empty() && equal_in_constant_time(given->substr(scheme.size()), token_)) return std::nullopt;
  return Problem{"wrong_token",
                 "the Authorization header does not hold this daemon's token",
                 hint + "; a daemon makes a new token each time it starts",
                 {},
                 {{"WWW-Authenticate", "Bearer error=\"invalid_token\""}}};
}

std::optional<Problem> Gate::check(const Request& request, const Peer& peer, bool has_body) const {
  if (auto problem = check_host(request)) return problem;
  if (auto problem = check_origin(request)) return problem;
  const bool is_liveness = request.target.segments == std::vector<std::string>{"healthz"} &&
                           (request.method == Method::get || request.method == Method::head);
  if (peer.needs_token && !is_liveness) {
    if (auto problem = check_token(request)) return problem;
  }
  return check_content_type(request, has_body);
}

}  // namespace ndr
