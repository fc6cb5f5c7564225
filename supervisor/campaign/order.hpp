#pragma once
#include <cstdint>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/refusal.hpp"
#include "storage/records.hpp"
#include "supervisor/campaign/policy.hpp"
#include "supervisor/campaign/queue.hpp"
#include "supervisor/settings.hpp"

namespace ndr {

/// The campaign that a request asks for, as its queued row (without ids of case and host). Refuses (field: the
/// request's member or the file) what could only fail: no analysis that shows a failure, a script that cannot run, a
/// board that is not there, a budget or a number of confirmations out of range. Reads the case's folder.
Checked<CampaignRow> order_of(const CampaignRequest& request, const CaseRow& of_case, const Settings& settings,
                              const std::vector<ArmHistory>& history = {});

/// It failed on a device, so a campaign without a board's lease could neither reset nor protect it.
bool needs_board(FailureType failure);

/// With what is known of the case's earlier plain runs; 0: nothing.
CampaignRow with_expected_length(CampaignRow row, std::int64_t expected_attempt_ms);

/// This host as it is: name, and a fingerprint as JSON (kernel, machine, distribution, driver).
HostRow this_host();

}  // namespace ndr
