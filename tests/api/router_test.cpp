#include "api/router.hpp"

#include "tests/support/catch.hpp"

namespace ndr {
namespace {

const std::vector<Route> table{
    {Method::get, "/v1/", nullptr},
    {Method::get, "/v1/cases", nullptr},
    {Method::post, "/v1/cases", nullptr},
    {Method::get, "/v1/cases/{case}", nullptr},
    {Method::get, "/v1/cases/{case}/attempts/{number}/log", nullptr},
    {Method::post, "/v1/campaigns/{campaign}/cancel", nullptr},
};

Answer<Found> found(Method method, const std::string& path) {
  static const Router router{table};
  return router.find(method, target_from(path).value().segments);
}

TEST_CASE("a path is matched segment by segment, with its variable parts") {
  const auto match = found(Method::get, "/v1/cases/gather-timeout/attempts/3/log");
  REQUIRE(match.has_value());
  CHECK(match->route->pattern == "/v1/cases/{case}/attempts/{number}/log");
  CHECK(match->parameters ==
        std::vector<std::pair<std::string, std::string>>{{"case", "gather-timeout"}, {"number", "3"}});
}

TEST_CASE("HEAD is answered where GET is") { CHECK(found(Method::head, "/v1/cases")->route->method == Method::get); }

TEST_CASE("an unknown path is 404") {
  const std::string path =
      GENERATE("/", "/v1", "/v1/case", "/v1/cases/", "/v1//cases", "/v1/cases/a/b", "/V1/cases", "/v2/cases");
  CAPTURE(path);
  CHECK(found(Method::get, path).error().code == "no_such_path");
}

TEST_CASE("a known path with another method is 405 and says which it takes") {
  const auto match = found(Method::remove, "/v1/cases");
  REQUIRE(match.has_error());
  CHECK(match.error().status() == 405);
  CHECK(find_header(match.error().headers, "Allow") == "GET, HEAD, POST");
  CHECK(find_header(found(Method::get, "/v1/campaigns/1/cancel").error().headers, "Allow") == "POST");
}

}  // namespace
}  // namespace ndr
