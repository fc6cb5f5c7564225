#include "api/idempotency.hpp"

#include "tests/support/catch.hpp"

namespace ndr {
namespace {

constexpr std::int64_t day_ms = 24LL * 3600 * 1000;

Request request_with(const std::string& key, const std::string& body = "{}", const std::string& identity = "uid:1") {
  Request request;
  request.method = Method::post;
  request.raw_target = "/v1/cases";
  request.identity = identity;
  request.headers = {{"Idempotency-Key", key}};
  request.body = body;
  return request;
}

bool is_fresh(IdempotencyKeys& keys, const Request& request, std::int64_t now_ms = 0) {
  return std::holds_alternative<IdempotencyKeys::Fresh>(keys.begin(request, now_ms));
}

std::string code_of(IdempotencyKeys& keys, const Request& request) {
  const auto answer = keys.begin(request, 0);
  REQUIRE(std::holds_alternative<Problem>(answer));
  return std::get<Problem>(answer).code;
}

TEST_CASE("the same key and body get the first answer") {
  IdempotencyKeys keys;
  const Request request = request_with("k");
  REQUIRE(is_fresh(keys, request));
  keys.keep(request, accepted("{\"id\":\"7\"}", "/v1/campaigns/7"));
  const auto again = keys.begin(request, day_ms - 1);
  REQUIRE(std::holds_alternative<Reply>(again));
  const auto& reply = std::get<Reply>(again);
  CHECK(reply.status == 202);
  CHECK(find_header(reply.headers, "Location") == "/v1/campaigns/7");
  CHECK(std::get<std::string>(reply.body) == "{\"id\":\"7\"}\n");
}

TEST_CASE("a key is kept for a day") {
  IdempotencyKeys keys;
  const Request request = request_with("k");
  REQUIRE(is_fresh(keys, request));
  keys.keep(request, json_reply("{}"));
  CHECK(is_fresh(keys, request, day_ms));
}

TEST_CASE("a key with another body is refused, and of another caller is another key") {
  IdempotencyKeys keys;
  REQUIRE(is_fresh(keys, request_with("k", "{}")));
  keys.keep(request_with("k", "{}"), json_reply("{}"));
  CHECK(code_of(keys, request_with("k", "{\"mode\":\"soak\"}")) == "key_reused");
  CHECK(is_fresh(keys, request_with("k", "{}", "uid:2")));
}

TEST_CASE("a key whose first request runs is refused until it is answered or has failed") {
  IdempotencyKeys keys;
  const Request request = request_with("k");
  REQUIRE(is_fresh(keys, request));
  CHECK(code_of(keys, request) == "key_in_flight");
  keys.forget(request);
  CHECK(is_fresh(keys, request));
  keys.keep(request, json_reply("{}", 500));
  CHECK(is_fresh(keys, request));
}

TEST_CASE("a key has 1 to 255 bytes") {
  IdempotencyKeys keys;
  CHECK(code_of(keys, request_with("")) == "key_reused");
  CHECK(code_of(keys, request_with(std::string(256, 'k'))) == "key_reused");
}

TEST_CASE("the oldest keys make room") {
  IdempotencyKeys keys;
  for (int i = 0; i < 1001; ++i) {
    const Request request = request_with(std::to_string(i));
    REQUIRE(is_fresh(keys, request));
    keys.keep(request, json_reply("{}"));
  }
  CHECK(is_fresh(keys, request_with("0")));
  CHECK_FALSE(is_fresh(keys, request_with("500")));
}

}  // namespace
}  // namespace ndr
