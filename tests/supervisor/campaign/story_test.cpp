#include "supervisor/campaign/story.hpp"

#include <nlohmann/json.hpp>

#include "tests/support/catch.hpp"

using namespace ndr;

TEST_CASE("what a budget shows is told with what it supposes") {
  const Policy policy{.budget_ms = 337500, .expected_attempt_ms = 6000};
  const auto text = [&](bool assumed) {
    return nlohmann::json::parse(budget_event(CampaignRow{}, policy, assumed, 0).body)["text"].get<std::string>();
  };
  CHECK(text(false) ==
        "this budget shows failure rates above 5 % a run with 90 %, at 6.0 s a run, if all of it but the reserve for "
        "confirmation went into plain runs");
  CHECK_THAT(text(true), ContainsSubstring("at an assumed 6.0 s a run, if all"));
}
