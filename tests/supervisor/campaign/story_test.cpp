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
        "with plain runs alone, of 6.0 s, this budget would show with 90 % a failure that occurs in more than 5 % of "
        "them");
  CHECK_THAT(text(true), ContainsSubstring("of 6.0 s, which is a guess, this budget"));
  const Policy short_one{.budget_ms = 1000, .expected_attempt_ms = 6000};
  const auto body = nlohmann::json::parse(budget_event(CampaignRow{}, short_one, false, 0).body);
  CHECK_THAT(body["text"].get<std::string>(), ContainsSubstring("only what nearly always fails"));
  Policy sliced = policy;
  sliced.slices = true;
  const auto told = nlohmann::json::parse(budget_event(CampaignRow{}, sliced, false, 0).body);
  CHECK_THAT(told["text"].get<std::string>(),
             ContainsSubstring("; amplified, about ") && ContainsSubstring("or more often than once in 106 s"));
  CHECK(told["smallest_visible_amplified_rate"] > 0);
}
