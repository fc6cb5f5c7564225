#include "api/http.hpp"

#include "tests/support/catch.hpp"

namespace ndr {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST_CASE("a target is decoded once into segments and parameters") {
  const auto target = target_from("/v1/cases/a-b?limit=50&note=one%20two+three&empty");
  REQUIRE(target);
  CHECK(target->segments == std::vector<std::string>{"v1", "cases", "a-b"});
  CHECK(target->query == Pairs{{"limit", "50"}, {"note", "one two three"}, {"empty", ""}});
}

TEST_CASE("a trailing slash is an empty segment, so that it is another path") {
  CHECK(target_from("/v1/")->segments == std::vector<std::string>{"v1", ""});
  CHECK(target_from("/v1//cases")->segments == std::vector<std::string>{"v1", "", "cases"});
}

TEST_CASE("a path that would be another one after decoding is refused") {
  const std::string hostile =
      GENERATE("/v1/cases/..", "/v1/cases/../../etc/passwd", "/v1/cases/%2e%2e/x", "/v1/./cases", "/v1/cases/a%2fb",
               "/v1/cases/a%5cb", "/v1/cases/%00", "/v1/cases/a%0d%0ab", "/v1/cases/%252e%252e", "/v1/cases/%ff",
               "/v1/cases/%7f", "/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/v1/cases/..%c0%af");
  CAPTURE(hostile);
  CHECK_FALSE(target_from(hostile));
}

TEST_CASE("only the origin form of a target is taken") {
  const std::string other =
      GENERATE("", "*", "http://localhost/v1/", "localhost:80", "v1/cases", "/a b", "/%zz", "/a#b");
  CAPTURE(other);
  CHECK_FALSE(target_from(other));
}

TEST_CASE("a query with control characters or bytes that are not UTF-8 is refused") {
  CHECK_FALSE(target_from("/v1/?a=%00"));
  CHECK_FALSE(target_from("/v1/?a=%0a"));
  CHECK_FALSE(target_from("/v1/?%ff=1"));
  CHECK(target_from("/v1/?a=%c3%a4"));
}

TEST_CASE("headers are found whatever their case") {
  const std::vector<Header> headers{{"Content-Type", "a"}, {"content-type", "b"}};
  CHECK(find_header(headers, "CONTENT-TYPE") == "a");
  CHECK_FALSE(find_header(headers, "content-typ"));
}

TEST_CASE("methods are read by their exact names") {
  for (const Method method :
       {Method::get, Method::head, Method::post, Method::put, Method::patch, Method::remove, Method::options})
    CHECK(method_from(to_text(method)) == method);
  CHECK(method_from("get") == Method::other);
  CHECK(method_from("BREW") == Method::other);
}

TEST_CASE("parameters of route and query are found by name") {
  Request request;
  request.target.query = {{"wait", "30s"}};
  request.parameters = {{"case", "a"}};
  CHECK(request.query("wait") == "30s");
  CHECK_FALSE(request.query("until"));
  CHECK(request.parameter("case") == "a");
  CHECK(request.has_parameter("case"));
  CHECK_FALSE(request.has_parameter("number"));
}

}  // namespace
}  // namespace ndr
