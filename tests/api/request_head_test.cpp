#include "api/request_head.hpp"

#include "tests/support/catch.hpp"

namespace ndr {
namespace {

std::string head_with(const std::string& lines) {
  return "POST /v1/cases HTTP/1.1\r\nHost: localhost\r\n" + lines + "\r\n";
}

TEST_CASE("a head as curl sends it passes") {
  CHECK_FALSE(check_head("GET /v1/ HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"));
  CHECK_FALSE(check_head(head_with("Content-Length: 2\r\nContent-Type: application/json\r\n")));
  CHECK_FALSE(check_head(head_with("Transfer-Encoding: chunked\r\n")));
}

TEST_CASE("a head that two programs could read differently is refused") {
  const std::string lines = GENERATE(
      as<std::string>{}, "Content-Length: 2\r\nContent-Length: 3\r\n", "Content-Length: 2\r\nContent-Length: 2\r\n",
      "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
      "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "Content-Length: +2\r\n",
      "Content-Length: 2, 2\r\n", "Content-Length: 0x2\r\n", "Content-Length: -1\r\n", "Content-Length:\r\n",
      "X-Folded: a\r\n b\r\n", "X-Folded: a\r\n\tb\r\n", "Host: localhost\r\n", "no colon\r\n", "X: a\rb\r\n",
      "X: a\nTransfer-Encoding: chunked\r\n", std::string("X: a\0b\r\n", 8), "X: \x7f\r\n", "X: \x1b[2J\r\n");
  CAPTURE(lines);
  const auto problem = check_head(head_with(lines));
  REQUIRE(problem);
  CHECK(problem->status() == 400);
}

TEST_CASE("a head without Host is refused") { CHECK(check_head("GET / HTTP/1.1\r\nAccept: */*\r\n\r\n")); }

TEST_CASE("a head that is still coming is judged by what is there") {
  CHECK_FALSE(check_head(""));
  CHECK_FALSE(check_head("GET / HT"));
  CHECK_FALSE(check_head("GET / HTTP/1.1\r"));
  CHECK_FALSE(check_head("GET / HTTP/1.1\r\nHost: localhost\r\nX: "));
  CHECK(check_head("GET / HTTP/1.1\n"));
}

}  // namespace
}  // namespace ndr
