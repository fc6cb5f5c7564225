#include "api/query.hpp"

#include "tests/support/catch.hpp"

namespace ndr {
namespace {

using std::chrono::milliseconds;

Request request_to(const std::string& target) {
  Request request;
  request.target = target_from(target).value();
  return request;
}

TEST_CASE("durations are read with their unit") {
  CHECK(duration_from("500ms") == milliseconds{500});
  CHECK(duration_from("30s") == milliseconds{30000});
  CHECK(duration_from("30") == milliseconds{30000});
  CHECK(duration_from("5m") == milliseconds{300000});
  CHECK(duration_from("2h") == milliseconds{7200000});
  CHECK(duration_from("720h") == milliseconds{30LL * 24 * 3600 * 1000});
}

TEST_CASE("what is no duration is none") {
  for (const std::string text :
       {"", "s", "-1s", "1.5s", "1 s", "1d", "1sm", "999999999999h", "721h", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(duration_from(text));
  }
}

TEST_CASE("row ids are plain positive numbers") {
  CHECK(row_id_from("17") == 17);
  CHECK(row_id_from("999999999999999999") == 999999999999999999);
  for (const std::string text : {"", "0", "-1", "+1", "1a", "0x1", "1000000000000000000", "1 "}) {
    CAPTURE(text);
    CHECK_FALSE(row_id_from(text));
  }
}

TEST_CASE("a misspelt parameter is told, with those there are") {
  const auto problem = check_query(request_to("/v1/cases?limt=5"), {"limit", "after"});
  REQUIRE(problem);
  CHECK(problem->status() == 400);
  CHECK(problem->hint == "it takes limit, after");
  CHECK(check_query(request_to("/v1/cases?limit=5&limit=6"), {"limit"}));
  CHECK(check_query(request_to("/v1/boards?x"), {})->hint == "it takes none");
  CHECK_FALSE(check_query(request_to("/v1/cases?limit=5&after=a"), {"limit", "after"}));
}

TEST_CASE("numbers and flags are held to their limits") {
  CHECK(query_number(request_to("/?limit=5"), "limit", 1, 10, 50).value() == 5);
  CHECK(query_number(request_to("/"), "limit", 1, 10, 50).value() == 50);
  for (const std::string value : {"0", "11", "x", "", "5x", "99999999999999999999"})
    CHECK(query_number(request_to("/?limit=" + value), "limit", 1, 10, 50).error().code == "bad_query");
  CHECK(query_flag(request_to("/?follow=1"), "follow", false).value());
  CHECK_FALSE(query_flag(request_to("/?follow=0"), "follow", true).value());
  CHECK(query_flag(request_to("/"), "follow", true).value());
  CHECK(query_flag(request_to("/?follow=yes"), "follow", true).has_error());
}

}  // namespace
}  // namespace ndr
