#include <nlohmann/json.hpp>

#include "analyzer/utf8.hpp"
#include "api/handlers.hpp"
#include "api/query.hpp"
#include "storage/record_json.hpp"
#include "storage/strict_json.hpp"

namespace ndr {

Answering list_arms(Api& api, const Request& request) {
  using Json = nlohmann::ordered_json;
  if (auto problem = check_query(request, {})) co_return *problem;
  const ArmMenu::Seen seen = co_await api.services.arms.now();
  Json arms = Json::array();
  for (const ArmOffer& arm : seen.arms)
    arms.push_back({{"name", arm.name}, {"available", arm.available}, {"does", arm.does}, {"why", to_utf8(arm.why)}});
  const Json whole{{"arms", std::move(arms)}, {"checked_at", to_rfc3339(seen.at_ms)}, {"checked_at_ms", seen.at_ms}};
  co_return json_reply(json_text(whole));
}

}  // namespace ndr
