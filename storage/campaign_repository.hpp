#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/records.hpp"

namespace ndr {
class Database;

class CampaignRepository {
public:
  explicit CampaignRepository(Database& database) : database_(database) {}

  HostId host(const std::string& name, const std::string& fingerprint);  // found or inserted

  CampaignId insert(const CampaignRow& row);
  std::optional<CampaignRow> find(CampaignId id);
  std::vector<CampaignRow> unfinished();  // queued and running, oldest first
  struct Filter {
    std::optional<CaseId> case_id;
    std::optional<CampaignState> state;
    std::int64_t before = 0;  // ids below this; 0: from the newest
    int limit = 50;
  };
  std::vector<CampaignRow> list(const Filter& filter);  // newest first
  /// How many there are of each outcome, and of each state among those without one.
  std::vector<std::pair<std::string, std::int64_t>> counts();

  void begin(CampaignId id, const std::string& boards_json, std::int64_t at_ms);  // queued -> running
  void spend(CampaignId id, std::int64_t spent_ms);                               // the sum so far, not what is added
  void request_cancel(CampaignId id);
  void finish(CampaignId id, CampaignOutcome outcome, const std::string& reason, const std::string& report_json,
              std::int64_t at_ms);  // once

private:
  Database& database_;
};

}  // namespace ndr
