#include "analyzer/refusal.hpp"

#include "tests/support/catch.hpp"

using namespace ndr;

TEST_CASE("a refusal reads as field, reason and remedy on one line") {
  CHECK(to_text(Refusal{"budget", "must be at least 1 s", "give --budget 5m"}) ==
        "budget: must be at least 1 s; give --budget 5m");
  CHECK(to_text(Refusal{"", "no daemon", ""}) == "no daemon");
}

TEST_CASE("a checked value is either the value or the refusal") {
  const Checked<int> good{3};
  const Checked<int> bad{Refusal{"n", "is odd", ""}};
  REQUIRE(good.has_value());
  CHECK(good.value() == 3);
  REQUIRE(bad.has_error());
  CHECK(bad.error().field == "n");
}
