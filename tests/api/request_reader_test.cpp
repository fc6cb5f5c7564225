#include "api/request_reader.hpp"

#include "tests/support/catch.hpp"

namespace ndr {
namespace {

TEST_CASE("a request is read from bytes that come one at a time") {
  RequestReader reader{8192, 1 << 20};
  const std::string text =
      "POST /v1/cases?x=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
      "5\r\n\r\nhello";
  bool has_head = false;
  bool has_body = false;
  for (const char byte : text) {
    REQUIRE_FALSE(has_body);
    reader.feed({&byte, 1});
    if (!has_head) has_head = reader.read_head().value();
    if (has_head) has_body = reader.read_body().value();
  }
  REQUIRE(has_body);
  CHECK(reader.request().method == Method::post);
  CHECK(reader.request().raw_target == "/v1/cases?x=1");
  CHECK(reader.request().target.segments == std::vector<std::string>{"v1", "cases"});
  CHECK(reader.request().header("content-type") == "application/json");
  CHECK(reader.request().body == "hello");
  CHECK(reader.keeps_alive());
}

TEST_CASE("what follows a request is the next one") {
  RequestReader reader{8192, 1 << 20};
  reader.feed(
      "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  REQUIRE(reader.read_head().value());
  CHECK_FALSE(reader.has_body());
  REQUIRE(reader.read_body().value());
  CHECK(reader.request().raw_target == "/a");
  reader.next();
  CHECK_FALSE(reader.is_empty());
  REQUIRE(reader.read_head().value());
  REQUIRE(reader.read_body().value());
  CHECK(reader.request().raw_target == "/b");
  CHECK_FALSE(reader.keeps_alive());
  reader.next();
  CHECK(reader.is_empty());
}

TEST_CASE("a chunked body is put together") {
  RequestReader reader{8192, 1 << 20};
  reader.feed("POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  REQUIRE(reader.read_head().value());
  CHECK(reader.has_body());
  CHECK(reader.expects_continue());
  bool done = reader.read_body().value();
  CHECK_FALSE(done);
  for (const char byte : std::string{"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"}) {
    reader.feed({&byte, 1});
    done = reader.read_body().value();
  }
  CHECK(done);
  CHECK(reader.request().body == "abcde");
}

TEST_CASE("heads and bodies above their limits are refused") {
  RequestReader reader{512, 16};
  SECTION("a head that does not end") {
    reader.feed("GET /" + std::string(600, 'a'));
    CHECK(reader.read_head().error().code == "head_too_large");
  }
  SECTION("a body that is announced as too long") {
    reader.feed("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 17\r\n\r\n");
    CHECK(reader.read_head().error().code == "body_too_large");
  }
  SECTION("a chunked body that grows too long") {
    reader.feed("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n" +
                std::string(32, 'a'));
    REQUIRE(reader.read_head().value());
    CHECK(reader.read_body().error().code == "body_too_large");
  }
  SECTION("a chunk's head that does not end") {
    reader.feed("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(600, 'a'));
    REQUIRE(reader.read_head().value());
    CHECK(reader.read_body().error().status() == 400);
  }
}

TEST_CASE("what is not HTTP/1 is refused") {
  const std::string text = GENERATE(
      "\x16\x03\x01\x02 TLS\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/3.0\r\nHost: localhost\r\n\r\n",
      "GET /\r\n\r\n", "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", "GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET http://evil/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /v1/../x HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CAPTURE(text);
  RequestReader reader{8192, 1 << 20};
  reader.feed(text);
  const auto done = reader.read_head();
  REQUIRE(done.has_error());
  CHECK(done.error().status() == 400);
}

TEST_CASE("HTTP/1.0 ends with its reply") {
  RequestReader reader{8192, 1 << 20};
  reader.feed("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n");
  REQUIRE(reader.read_head().value());
  CHECK_FALSE(reader.is_http_1_1());
  CHECK_FALSE(reader.keeps_alive());
}

}  // namespace
}  // namespace ndr
