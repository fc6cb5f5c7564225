#pragma once
#include <boost/asio/awaitable.hpp>

#include "api/context.hpp"
#include "api/http.hpp"
#include "api/reply.hpp"

// One function per route; what they take and give is in openapi.json.
namespace ndr {

using Answering = boost::asio::awaitable<Answer<Reply>>;

Answering get_root(Api& api, const Request& request);
Answering get_openapi(Api& api, const Request& request);
Answering get_healthz(Api& api, const Request& request);
Answering get_readyz(Api& api, const Request& request);
Answering get_metrics(Api& api, const Request& request);

Answering list_cases(Api& api, const Request& request);
Answering add_case(Api& api, const Request& request);
Answering get_case(Api& api, const Request& request);
Answering get_analysis(Api& api, const Request& request);
Answering analyze_case(Api& api, const Request& request);
Answering generate_case(Api& api, const Request& request);
Answering lint_case(Api& api, const Request& request);
Answering brief_case(Api& api, const Request& request);
Answering approve_variable(Api& api, const Request& request);
Answering list_case_campaigns(Api& api, const Request& request);
Answering create_campaign(Api& api, const Request& request);
Answering create_verification(Api& api, const Request& request);
Answering create_replay(Api& api, const Request& request);

Answering list_campaigns(Api& api, const Request& request);
Answering get_campaign(Api& api, const Request& request);
Answering cancel_campaign(Api& api, const Request& request);
Answering list_attempts(Api& api, const Request& request);
Answering list_campaign_failures(Api& api, const Request& request);

// An attempt is named by its id, or by case and number: the same handlers answer under both paths.
Answering get_attempt(Api& api, const Request& request);
Answering get_attempt_log(Api& api, const Request& request);
Answering list_signals(Api& api, const Request& request);
Answering list_failures(Api& api, const Request& request);  // of a slice's runs

Answering list_arms(Api& api, const Request& request);

Answering list_boards(Api& api, const Request& request);
Answering get_board(Api& api, const Request& request);
Answering list_resets(Api& api, const Request& request);
Answering reset_board(Api& api, const Request& request);
Answering get_reset(Api& api, const Request& request);

Answering get_events(Api& api, const Request& request);

}  // namespace ndr
