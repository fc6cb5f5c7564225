#include "api/routes.hpp"

#include "api/handlers.hpp"

namespace ndr {

const std::vector<Route>& routes() {
  static const std::vector<Route> table{
      {Method::get, "/healthz", get_healthz},
      {Method::get, "/readyz", get_readyz},
      {Method::get, "/metrics", get_metrics},
      {Method::get, "/v1/", get_root},
      {Method::get, "/v1/openapi.json", get_openapi},
      {Method::get, "/v1/cases", list_cases},
      {Method::post, "/v1/cases", add_case},
      {Method::get, "/v1/cases/{case}", get_case},
      {Method::get, "/v1/cases/{case}/analysis", get_analysis},
      {Method::post, "/v1/cases/{case}/analysis", analyze_case},
      {Method::post, "/v1/cases/{case}/artifacts", generate_case},
      {Method::get, "/v1/cases/{case}/lint", lint_case},
      {Method::get, "/v1/cases/{case}/brief", brief_case},
      {Method::post, "/v1/cases/{case}/approved-environment", approve_variable},
      {Method::get, "/v1/cases/{case}/campaigns", list_case_campaigns},
      {Method::post, "/v1/cases/{case}/campaigns", create_campaign},
      {Method::post, "/v1/cases/{case}/verifications", create_verification},
      {Method::get, "/v1/cases/{case}/attempts/{number}", get_attempt},
      {Method::get, "/v1/cases/{case}/attempts/{number}/log", get_attempt_log},
      {Method::get, "/v1/cases/{case}/attempts/{number}/signals", list_signals},
      {Method::get, "/v1/cases/{case}/attempts/{number}/failures", list_failures},
      {Method::get, "/v1/campaigns", list_campaigns},
      {Method::get, "/v1/campaigns/{campaign}", get_campaign},
      {Method::post, "/v1/campaigns/{campaign}/cancel", cancel_campaign},
      {Method::get, "/v1/campaigns/{campaign}/attempts", list_attempts},
      {Method::post, "/v1/cases/{case}/attempts/{number}/replays", create_replay},
      {Method::get, "/v1/campaigns/{campaign}/failures", list_campaign_failures},
      {Method::get, "/v1/attempts/{attempt}", get_attempt},
      {Method::post, "/v1/attempts/{attempt}/replays", create_replay},
      {Method::get, "/v1/attempts/{attempt}/log", get_attempt_log},
      {Method::get, "/v1/attempts/{attempt}/signals", list_signals},
      {Method::get, "/v1/attempts/{attempt}/failures", list_failures},
      {Method::get, "/v1/arms", list_arms},
      {Method::get, "/v1/boards", list_boards},
      {Method::get, "/v1/boards/{board}", get_board},
      {Method::get, "/v1/boards/{board}/resets", list_resets},
      {Method::post, "/v1/boards/{board}/resets", reset_board},
      {Method::get, "/v1/resets/{reset}", get_reset},
      {Method::get, "/v1/events", get_events},
  };
  return table;
}

}  // namespace ndr
