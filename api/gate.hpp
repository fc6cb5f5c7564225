#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "api/http.hpp"
#include "api/problem.hpp"

namespace ndr {

/// Who is at the other end of a connection, as far as the kernel vouches for it.
struct Peer {
  std::string identity;     // "uid:1000" of a unix socket; "token" over TCP
  bool needs_token = true;  // over TCP anybody on the host can connect
};

/// What every request passes before it is routed, on every channel: the Host names this daemon (else a name in the
/// DNS could be bound to 127.0.0.1: 421), no web page of another origin asks (Origin, Sec-Fetch-Site: 403), the
/// bearer token is there where it is needed (401; only GET /healthz goes without), and a body is declared as JSON,
/// which no form of a web page can do (415).
class Gate {
public:
  explicit Gate(std::string token) : token_(std::move(token)) {}
  /// `request` needs no body yet; `has_body`: its head announces one.
  std::optional<Problem> check(const Request& request, const Peer& peer, bool has_body) const;

private:
  std::optional<Problem> check_token(const Request& request) const;

  std::string token_;
};

/// localhost, 127.0.0.1, [::1] or ndreprod, with or without a port.
bool is_own_host(std::string_view host);

/// Compares all of `right` whatever `left` is, so that the time taken tells nothing of where they differ.
bool equal_in_constant_time(std::string_view left, std::string_view right);

}  // namespace ndr
