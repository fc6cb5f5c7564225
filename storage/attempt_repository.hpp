#pragma once
#include <optional>
#include <vector>

#include "storage/records.hpp"

namespace ndr {
class Database;

class AttemptRepository {
public:
  explicit AttemptRepository(Database& database) : database_(database) {}

  AttemptId begin(const AttemptRow& row);  // the intent: a row without spawned_at_ms and verdict
  void spawned(AttemptId id, std::int64_t at_ms);
  void progress(AttemptId id, std::uint64_t log_offset, std::int64_t iterations);
  /// The outcome, all columns after the intent; an attempt ends once, also across a restart.
  void finish(const AttemptRow& row);

  std::optional<AttemptRow> find(AttemptId id);
  std::optional<AttemptRow> find(CaseId case_id, int number);  // as the client names it: CASE/N
  std::vector<AttemptRow> of_campaign(CampaignId id);          // by id
  std::vector<AttemptRow> unfinished();
  int last_number(CaseId id);  // 0 where there is none

  void add_signals(const std::vector<LogSignalRow>& rows);
  std::vector<LogSignalRow> signals(AttemptId id, std::int64_t after, int limit);
  /// Of all cases but this one whose campaigns wanted this type of failure: what each arm's slices have shown.
  std::vector<ArmHistory> arm_history(CaseId without, const std::string& failure_type);

  /// With the end of their attempt.
  void add_failures(const std::vector<RunFailureRow>& rows);
  std::vector<RunFailureRow> failures(AttemptId id, std::int64_t after, int limit);
  /// In the order in which they happened.
  std::vector<RunFailureRow> failures_of_campaign(CampaignId id, std::int64_t after, int limit);
  std::int64_t signal_count(AttemptId id);

private:
  Database& database_;
};

}  // namespace ndr
