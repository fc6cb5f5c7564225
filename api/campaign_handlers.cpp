#include "api/handlers.hpp"
#include "api/listing.hpp"
#include "api/lookup.hpp"
#include "api/query.hpp"
#include "api/requests.hpp"
#include "api/waiting.hpp"
#include "storage/record_json.hpp"

namespace ndr {
namespace asio = boost::asio;
namespace {

struct ListCampaigns {
  CampaignRepository::Filter filter;
  std::vector<CampaignRow> operator()(Store& store) const { return store.campaigns.list(filter); }
};

struct ListAttempts {
  CampaignId id;
  AttemptId after;
  std::size_t limit;
  std::vector<AttemptRow> operator()(Store& store) const {
    std::vector<AttemptRow> rows = store.attempts.of_campaign(id);
    std::erase_if(rows, [this](const AttemptRow& row) { return row.id <= after; });
    if (rows.size() > limit) rows.resize(limit);
    return rows;
  }
};

std::string path_of(CampaignId id) { return "/v1/campaigns/" + std::to_string(id.value); }

Answering listed(Api& api, const Request& request, CampaignRepository::Filter filter) {
  const auto limit = limit_from(request);
  if (!limit) co_return limit.error();
  const auto after = query_number(request, "after", 0, INT64_MAX, 0);
  if (!after) co_return after.error();
  if (const auto text = request.query("state")) {
    filter.state = campaign_state_from(*text);
    if (!filter.state) co_return bad_query("state", "\"" + *text + "\" is not one", "give queued, running or finished");
  }
  filter.before = *after;  // newest first, so the next page is below; 0 is the first page
  filter.limit = *limit + 1;
  const ListCampaigns work{filter};
  std::vector<CampaignRow> rows = co_await api.services.store.read(work);
  std::optional<std::string> cursor;
  if (cut_to(rows, *limit)) cursor = std::to_string(rows.back().id.value);
  co_return list_reply(request, "campaigns", to_json_text(rows), cursor);
}

Problem already_finished(const CampaignRow& row) {
  return Problem{"already_finished", "campaign " + std::to_string(row.id.value) + " has finished", "", {}, {}};
}

/// Of a campaign, a verification or a replay alike.
template <class Order>
Answering ordered(Api& api, Order order) {
  const auto id = co_await api.services.campaigns.submit(std::move(order));
  if (!id) co_return problem_of(id.error());
  const FindCampaign work{*id};
  const auto stored = co_await api.services.store.read(work);
  co_return accepted(to_json_text(stored.value()), path_of(*id));
}

}  // namespace

Answering list_campaigns(Api& api, const Request& request) {
  if (auto problem = check_query(request, {"limit", "after", "state", "case"})) co_return *problem;
  CampaignRepository::Filter filter;
  if (const auto name = request.query("case")) {
    const FindCase work{*name};
    const auto found = co_await api.services.store.read(work);
    if (!found) co_return bad_query("case", "there is no case \"" + *name + "\"", "GET /v1/cases has those there are");
    filter.case_id = found->id;
  }
  co_return co_await listed(api, request, filter);
}

Answering list_case_campaigns(Api& api, const Request& request) {
  if (auto problem = check_query(request, {"limit", "after", "state"})) co_return *problem;
  const auto row = co_await case_of(api, request);
  if (!row) co_return row.error();
  CampaignRepository::Filter filter;
  filter.case_id = row->id;
  co_return co_await listed(api, request, filter);
}

Answering create_campaign(Api& api, const Request& request) {
  auto wanted = campaign_request_from(request.body, api.services.settings.campaign_ms);
  if (!wanted) co_return wanted.error();
  const auto row = co_await case_of(api, request);
  if (!row) co_return row.error();
  wanted->case_name = row->name;
  wanted->requested_by = request.identity;
  co_return co_await ordered(api, std::move(*wanted));
}

Answering create_verification(Api& api, const Request& request) {
  auto wanted = verify_request_from(request.body);
  if (!wanted) co_return wanted.error();
  const auto row = co_await case_of(api, request);
  if (!row) co_return row.error();
  wanted->case_name = row->name;
  wanted->requested_by = request.identity;
  co_return co_await ordered(api, std::move(*wanted));
}

Answering create_replay(Api& api, const Request& request) {
  auto wanted = replay_request_from(request.body);
  if (!wanted) co_return wanted.error();
  const auto row = co_await attempt_of(api, request);
  if (!row) co_return row.error();
  wanted->attempt = row->id;
  wanted->requested_by = request.identity;
  co_return co_await ordered(api, std::move(*wanted));
}

Answering get_campaign(Api& api, const Request& request) {
  const auto wait = wait_request_from(request);
  if (!wait) co_return wait.error();
  const auto row = co_await campaign_of(api, request);
  if (!row) co_return row.error();
  const CampaignNow state = co_await wait_for_campaign(api, row->id, *wait);
  Reply reply = json_reply(to_json_text(state.row));
  reply.headers.push_back({"X-Last-Event-Id", std::to_string(state.last_event.value)});
  co_return reply;
}

Answering cancel_campaign(Api& api, const Request& request) {
  if (auto problem = check_empty(request.body)) co_return *problem;
  const auto row = co_await campaign_of(api, request);
  if (!row) co_return row.error();
  if (row->state == CampaignState::finished) co_return already_finished(*row);
  const auto cancelled = co_await api.services.campaigns.cancel(row->id);
  if (!cancelled) co_return problem_of(cancelled.error(), "already_finished");
  const FindCampaign work{row->id};
  const auto stored = co_await api.services.store.read(work);
  co_return accepted(to_json_text(stored.value()), path_of(row->id));
}

Answering list_attempts(Api& api, const Request& request) {
  if (auto problem = check_query(request, {"limit", "after"})) co_return *problem;
  const auto limit = limit_from(request);
  if (!limit) co_return limit.error();
  const auto after = query_number(request, "after", 0, INT64_MAX, 0);
  if (!after) co_return after.error();
  const auto campaign = co_await campaign_of(api, request);
  if (!campaign) co_return campaign.error();
  const ListAttempts work{campaign->id, AttemptId{*after}, static_cast<std::size_t>(*limit) + 1};
  std::vector<AttemptRow> rows = co_await api.services.store.read(work);
  std::optional<std::string> cursor;
  if (cut_to(rows, *limit)) cursor = std::to_string(rows.back().id.value);
  co_return list_reply(request, "attempts", to_json_text(rows), cursor);
}

}  // namespace ndr
