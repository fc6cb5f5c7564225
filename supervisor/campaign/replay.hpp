#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "analyzer/refusal.hpp"
#include "storage/records.hpp"
#include "supervisor/ports.hpp"
#include "supervisor/settings.hpp"

namespace ndr {

struct Policy;
struct Progress;

/// One attempt once more: the same arm, parameters and seed. The order in which threads run is nobody's to repeat, so
/// it may take several.
struct Replay {
  AttemptId of;
  std::string attempt;  // CASE/N
  Arm arm;
  std::uint64_t seed = 0;
  std::optional<SlicePlan> slice;  // of a slice
  std::int64_t deadline_ms = 300000;
  int times = 1;  // at most; it ends with the first that matches
  bool operator==(const Replay&) const = default;
};

/// One order: this attempt again.
struct ReplayRequest {
  AttemptId attempt;
  int times = 1;
  std::string requested_by;
};

/// Its campaign as a queued row (without id of the host), `of` being the attempt's own campaign. What the attempt was
/// given is read from its folder. Refuses (field: the request's member or the file) what cannot be repeated.
Checked<CampaignRow> replay_order(const ReplayRequest& request, const AttemptRow& attempt, const CampaignRow& of,
                                  const CaseRow& of_case, const Settings& settings);

/// JSON text and back; nothing for text of another form.
std::string to_json_text(const Replay& replay);
std::optional<Replay> replay_from(const std::string& json);

}  // namespace ndr
