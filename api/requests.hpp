#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "api/http.hpp"
#include "api/problem.hpp"
#include "supervisor/campaign/queue.hpp"

namespace ndr {

// Bodies are read strictly: at most 32 levels deep, no key twice, no unknown key, no other type (422 with a pointer
// into the body); an empty body stands for {}.

/// {"folder": "/absolute/path"}
Answer<std::filesystem::path> case_folder_from(const std::string& body);

/// {"mode"?: "quick"|"soak", "budget"?: "5m", "budget_ms"?: 300000, "seed"?: 7|"7", "confirmations"?: 1…20,
/// "boards"?: ["0"]}. Without a budget: `quick_ms`, or one hour for soak.
Answer<CampaignRequest> campaign_request_from(const std::string& body, std::int64_t quick_ms);

/// {"repository"?: "/absolute/path"}
Answer<std::optional<std::string>> repository_from(const std::string& body);
/// {"name": "LD_PRELOAD"}
Answer<std::string> variable_from(const std::string& body);

/// {"against"?: "12", "risk"?: 0.05, "fixed"?: "/absolute/path", "broken"?: "/absolute/path", "budget"?: "10m",
/// "budget_ms"?: 600000, "seed"?: 7|"7"}
Answer<VerifyRequest> verify_request_from(const std::string& body);
Answer<ReplayRequest> replay_request_from(const std::string& body);

struct ResetRequest {
  bool force = false;  // although processes hold the board
};
/// {"force"?: true}
Answer<ResetRequest> reset_request_from(const std::string& body);

/// Of an action that is told nothing: empty or {}.
std::optional<Problem> check_empty(const std::string& body);

/// How long a reply may be waited for, and what for.
struct WaitRequest {
  std::chrono::milliseconds limit{0};  // 0: not at all
  bool until_finished = false;         // else until anything changes
  std::optional<EventId> after;        // changes after this event; none: from now on
};
/// Reads ?wait=30s (at most 10 minutes), ?until=finished, ?after=ID; refuses other parameters.
Answer<WaitRequest> wait_request_from(const Request& request);

/// Reads ?limit=1…500 (50 by default).
Answer<int> limit_from(const Request& request);

}  // namespace ndr
