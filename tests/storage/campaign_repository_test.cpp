#include <csignal>

#include "tests/storage/sample_rows.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/dying_child.hpp"

using namespace ndr;

TEST_CASE("a host is found again by name and fingerprint, and a changed one is another") {
  SampleStore sample;
  auto& campaigns = sample.store.campaigns;
  CHECK(campaigns.host("lab-1", R"({"kernel":"6.1"})") == sample.host);
  CHECK(campaigns.host("lab-1", R"({"kernel":"6.12"})") != sample.host);
}

TEST_CASE("a new campaign is queued and reads back as it was ordered") {
  SampleStore sample;
  const auto row = sample.store.campaigns.find(sample.campaign);
  REQUIRE(row);
  CHECK(row->case_id == sample.case_id);
  CHECK(row->case_name == "gather-timeout");
  CHECK(row->host_id == sample.host);
  CHECK(row->state == CampaignState::queued);
  CHECK_FALSE(row->outcome);
  CHECK(row->mode == CampaignMode::quick);
  CHECK(row->boards == R"(["host"])");
  CHECK(row->signature_json == R"({"exception":"RuntimeError"})");
  CHECK(row->seed == 0xfedcba9876543210);
  CHECK(row->budget_ms == 300000);
  CHECK(row->requested_by == "uid:1000");
  CHECK_FALSE(row->started_at_ms);
  CHECK_FALSE(row->cancel_requested);
  CHECK_FALSE(sample.store.campaigns.find({999}));
}

TEST_CASE("a campaign goes from queued through running to finished, each once") {
  SampleStore sample;
  auto& campaigns = sample.store.campaigns;
  campaigns.begin(sample.campaign, R"(["0"])", 10);
  CHECK(signal_ending([&] { campaigns.begin(sample.campaign, "[]", 11); }) == SIGABRT);
  campaigns.spend(sample.campaign, 1234);
  campaigns.request_cancel(sample.campaign);
  CHECK(campaigns.unfinished().size() == 1);
  campaigns.finish(sample.campaign, CampaignOutcome::not_reproduced, "the budget is spent", R"({"runs":9})", 20);
  CHECK(signal_ending([&] { campaigns.finish(sample.campaign, CampaignOutcome::cancelled, "", "", 21); }) == SIGABRT);
  const auto row = *campaigns.find(sample.campaign);
  CHECK(row.state == CampaignState::finished);
  CHECK(row.outcome == CampaignOutcome::not_reproduced);
  CHECK(row.reason == "the budget is spent");
  CHECK(row.report_json == R"({"runs":9})");
  CHECK(row.boards == R"(["0"])");
  CHECK(row.spent_ms == 1234);
  CHECK(row.started_at_ms == 10);
  CHECK(row.ended_at_ms == 20);
  CHECK(row.cancel_requested);
  CHECK(campaigns.unfinished().empty());
}

TEST_CASE("a queued campaign can end without having run") {
  SampleStore sample;
  sample.store.campaigns.finish(sample.campaign, CampaignOutcome::cancelled, "asked for", "", 20);
  CHECK_FALSE(sample.store.campaigns.find(sample.campaign)->started_at_ms);
}

TEST_CASE("changing a campaign that does not exist is a bug") {
  SampleStore sample;
  auto& campaigns = sample.store.campaigns;
  CHECK(signal_ending([&] { campaigns.spend({999}, 1); }) == SIGABRT);
  CHECK(signal_ending([&] { campaigns.request_cancel({999}); }) == SIGABRT);
}

TEST_CASE("campaigns are listed newest first, by case and state, page by page") {
  SampleStore sample;
  auto& campaigns = sample.store.campaigns;
  const CampaignId second = sample.new_campaign(2), third = sample.new_campaign(3);
  campaigns.begin(second, "[]", 5);
  const auto ids = [&](const CampaignRepository::Filter& filter) {
    std::vector<std::int64_t> found;
    for (const auto& row : campaigns.list(filter))
      found.push_back(row.id.value);
    return found;
  };
  using Ids = std::vector<std::int64_t>;
  CHECK(ids({}) == Ids{third.value, second.value, sample.campaign.value});
  CHECK(ids({.limit = 2}) == Ids{third.value, second.value});
  CHECK(ids({.before = second.value}) == Ids{sample.campaign.value});
  CHECK(ids({.state = CampaignState::running}) == Ids{second.value});
  CHECK(ids({.case_id = sample.case_id}).size() == 3);
  CHECK(ids({.case_id = CaseId{77}}).empty());
  CHECK(campaigns.unfinished().front().id == sample.campaign);
}

TEST_CASE("a campaign of a case that does not exist is refused by its reference") {
  SampleStore sample;
  sample.case_id = {999};
  CHECK_THROWS_WITH(sample.new_campaign(1), ContainsSubstring("FOREIGN KEY constraint failed"));
}
