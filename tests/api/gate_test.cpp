#include "api/gate.hpp"

#include "tests/support/catch.hpp"

namespace ndr {
namespace {

const Peer local{"uid:1000", false};
const Peer remote{"token", true};
const std::string good_token(64, 'a');

Request request_with(std::vector<Header> headers, Method method = Method::get, std::string path = "/v1/cases") {
  Request request;
  request.method = method;
  request.raw_target = path;
  request.target = *target_from(path);
  request.headers = std::move(headers);
  return request;
}

int status_of(const std::optional<Problem>& problem) { return problem ? problem->status() : 200; }

TEST_CASE("only the daemon's own names are taken as Host") {
  const Gate gate{good_token};
  for (const std::string host :
       {"localhost", "LOCALHOST:8742", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8080", "ndreprod"})
    CHECK(status_of(gate.check(request_with({{"Host", host}}), local, false)) == 200);
  for (const std::string host :
       {"", "evil.example", "localhost.evil.example", "localhost:", "localhost:99999999", "localhost:80x",
        "127.0.0.1.nip.io", "::1", "0.0.0.0", "localhost@evil", "ndreprod.local"}) {
    CAPTURE(host);
    CHECK(status_of(gate.check(request_with({{"Host", host}}), local, false)) == 421);
  }
}

TEST_CASE("a page of another origin is refused, also over the unix socket") {
  const Gate gate{good_token};
  const auto from = [&](std::vector<Header> headers) {
    headers.push_back({"Host", "localhost:8080"});
    return status_of(gate.check(request_with(std::move(headers), Method::post), local, false));
  };
  CHECK(from({{"Origin", "http://localhost:8080"}}) == 200);
  CHECK(from({{"Origin", "http://localhost"}}) == 403);
  CHECK(from({{"Origin", "https://localhost:8080"}}) == 403);
  CHECK(from({{"Origin", "http://evil.example"}}) == 403);
  CHECK(from({{"Origin", "null"}}) == 403);
  CHECK(from({{"Sec-Fetch-Site", "same-origin"}}) == 200);
  CHECK(from({{"Sec-Fetch-Site", "none"}}) == 200);
  CHECK(from({{"Sec-Fetch-Site", "cross-site"}}) == 403);
  CHECK(from({{"Sec-Fetch-Site", "same-site"}}) == 403);
}

TEST_CASE("over TCP the token is needed for all but liveness") {
  const Gate gate{good_token};
  const Header host{"Host", "localhost"};
  const auto with = [&](const std::string& value) {
    return status_of(gate.check(request_with({host, {"Authorization", value}}), remote, false));
  };
  CHECK(status_of(gate.check(request_with({host}), remote, false)) == 401);
  CHECK(with("Bearer " + good_token) == 200);
  CHECK(with("bearer " + good_token) == 200);
  CHECK(with("Bearer " + good_token.substr(1)) == 401);
  CHECK(with("Bearer " + good_token + "a") == 401);
  CHECK(with("Bearer b" + good_token.substr(1)) == 401);
  CHECK(with("Basic " + good_token) == 401);
  CHECK(with("Bearer ") == 401);
  CHECK(status_of(gate.check(request_with({host}, Method::get, "/healthz"), remote, false)) == 200);
  CHECK(status_of(gate.check(request_with({host}, Method::post, "/healthz"), remote, false)) == 401);
  CHECK(status_of(gate.check(request_with({host}, Method::get, "/readyz"), remote, false)) == 401);
}

TEST_CASE("no token at all opens nothing") {
  const Gate gate{""};
  const auto problem = gate.check(request_with({{"Host", "localhost"}, {"Authorization", "Bearer "}}), remote, false);
  CHECK(status_of(problem) == 401);
  CHECK(find_header(problem->headers, "WWW-Authenticate"));
}

TEST_CASE("a body must be declared as JSON, which a form cannot do") {
  const Gate gate{good_token};
  const auto with = [&](const std::string& type) {
    return status_of(
        gate.check(request_with({{"Host", "localhost"}, {"Content-Type", type}}, Method::post), local, true));
  };
  CHECK(with("application/json") == 200);
  CHECK(with("Application/JSON ; charset=utf-8") == 200);
  CHECK(with("text/plain") == 415);
  CHECK(with("application/x-www-form-urlencoded") == 415);
  CHECK(with("application/jsonp") == 415);
  CHECK(status_of(gate.check(request_with({{"Host", "localhost"}}, Method::post), local, false)) == 200);
}

TEST_CASE("equality is judged by all bytes") {
  CHECK(equal_in_constant_time("", ""));
  CHECK(equal_in_constant_time("abc", "abc"));
  CHECK_FALSE(equal_in_constant_time("abc", "abd"));
  CHECK_FALSE(equal_in_constant_time("ab", "abc"));
  CHECK_FALSE(equal_in_constant_time("abcd", "abc"));
  CHECK_FALSE(equal_in_constant_time(std::string("abc\0", 4), "abc"));
}

}  // namespace
}  // namespace ndr
