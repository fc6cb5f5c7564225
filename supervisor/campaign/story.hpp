#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "storage/records.hpp"
#include "supervisor/campaign/policy.hpp"

namespace ndr {

// The events of a campaign: what the rows say at that moment, so that live and replay read the same.

EventRow campaign_state_event(const CampaignRow& row, std::int64_t at_ms);
EventRow attempt_state_event(const AttemptRow& row, std::int64_t at_ms);
EventRow board_state_event(const BoardRow& row, std::optional<CampaignId> campaign, std::int64_t at_ms);

/// "campaign.step": {step: attempt, phase, arm, parameters, number, seed, deadline_ms}, {step: reset, boards} or
/// {step: finish, outcome, reason}.
EventRow step_event(const CampaignRow& campaign, const RunAttempt& step, int number, std::int64_t at_ms);
EventRow step_event(const CampaignRow& campaign, const std::vector<std::string>& boards, std::int64_t at_ms);
EventRow step_event(const CampaignRow& campaign, const Finish& step, std::int64_t at_ms);
/// {step: budget, smallest_visible_rate, expected_attempt_ms, assumed, smallest_visible_amplified_rate, text}: what the
/// budget can see, of amplified runs too where slices are possible. `assumed`: the length of an attempt is a guess. Of
/// a verification {step: forecast, clean_runs, duration_ms, text}: what it takes.
EventRow budget_event(const CampaignRow& campaign, const Policy& policy, bool assumed, std::int64_t at_ms);
/// {step: trial, clean_runs_to_go, fixed, broken, text}: how far a verification is.
EventRow trial_event(const CampaignRow& campaign, const Policy& policy, const Progress& now, std::int64_t at_ms);
/// {step: note, text}: what people should know of the campaign and what changes nothing.
EventRow note_event(const CampaignRow& campaign, const std::string& text, std::int64_t at_ms);

/// JSON list of texts, and back; empty for text of another form.
std::string to_json_text(const std::vector<std::string>& texts);
std::vector<std::string> texts_from(const std::string& json);

}  // namespace ndr
