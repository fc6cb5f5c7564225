#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ndr {

enum class Method { get, head, post, put, patch, remove, options, other };

std::string_view to_text(Method method);
/// Methods are case-sensitive (RFC 9110, 9.1); what is not ours is `other`.
Method method_from(std::string_view text);

struct Header {
  std::string name;
  std::string value;
  bool operator==(const Header&) const = default;
};

/// The first value of a header; names compare without case. Nothing when it is not there.
std::optional<std::string> find_header(const std::vector<Header>& headers, std::string_view name);

/// The decoded form of a request's target. `segments` of "/v1/a%20b" are {"v1", "a b"}; of "/v1/" {"v1", ""}.
struct Target {
  std::vector<std::string> segments;
  std::vector<std::pair<std::string, std::string>> query;
  bool operator==(const Target&) const = default;
};

/// Reads an origin-form target (RFC 9112, 3.2.1). Nothing for another form, and for whatever tries to be another path
/// than it looks like: after one decoding a segment must be UTF-8 and hold no '/', '\', '%' or control character, nor
/// be "." or "..".
std::optional<Target> target_from(std::string_view text);

/// One request as handlers see it: head and body are complete, parsed and within their limits.
struct Request {
  Method method = Method::get;
  std::string raw_target;  // as sent; for `instance` of problems and the log
  Target target;
  std::vector<Header> headers;
  std::string body;
  std::string identity;                                         // who asks: "uid:1000", or "token" over TCP
  std::vector<std::pair<std::string, std::string>> parameters;  // {name} parts of the route's pattern

  std::optional<std::string> header(std::string_view name) const { return find_header(headers, name); }
  std::optional<std::string> query(std::string_view name) const;
  /// Of a name that the route's pattern holds.
  const std::string& parameter(std::string_view name) const;
  bool has_parameter(std::string_view name) const;
};

}  // namespace ndr
