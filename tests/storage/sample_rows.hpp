#pragma once
#include "storage/store.hpp"
#include "tests/support/temp_folder.hpp"

namespace ndr {

/// A store in a temporary folder with one host, one case and one queued campaign.
struct SampleStore {
  TempFolder folder;
  Store store{folder / "state" / "ndrepro.db"};
  HostId host = store.campaigns.host("lab-1", R"({"kernel":"6.1"})");
  CaseId case_id =
      store.cases.insert({.name = "gather-timeout", .folder = "/cases/gather-timeout", .owner = "uid:1000"});
  CampaignId campaign = new_campaign(1);

  CampaignId new_campaign(std::int64_t created_at_ms) {
    return store.campaigns.insert({.case_id = case_id,
                                   .host_id = host,
                                   .boards = R"(["host"])",
                                   .signature_json = R"({"exception":"RuntimeError"})",
                                   .policy_json = "{}",
                                   .seed = 0xfedcba9876543210,
                                   .requested_by = "uid:1000",
                                   .created_at_ms = created_at_ms});
  }

  AttemptRow intent(int number) const {
    return {.campaign_id = campaign,
            .host_id = host,
            .number = number,
            .arm = "workers",
            .parameters = R"({"workers":4})",
            .seed = 0xffffffffffffffff,
            .subject = "rev:abc",
            .created_at_ms = 1000};
  }
};

}  // namespace ndr
