#include "api/handlers.hpp"
#include "api/listing.hpp"
#include "api/lookup.hpp"
#include "api/query.hpp"
#include "api/requests.hpp"
#include "storage/record_json.hpp"

namespace ndr {
namespace {

struct ListFailures {
  AttemptId id;
  std::int64_t after;
  int limit;
  std::vector<RunFailureRow> operator()(Store& store) const { return store.attempts.failures(id, after, limit); }
};

struct ListCampaignFailures {
  CampaignId id;
  std::int64_t after;
  int limit;
  std::vector<RunFailureRow> operator()(Store& store) const {
    return store.attempts.failures_of_campaign(id, after, limit);
  }
};

/// The page that the query asks for; one more row is read than it shows.
struct Page {
  int limit = 0;
  std::int64_t after = 0;
};

Answer<Page> page_of(const Request& request) {
  if (auto problem = check_query(request, {"limit", "after"})) return *problem;
  const auto limit = limit_from(request);
  if (!limit) return limit.error();
  const auto after = query_number(request, "after", 0, INT64_MAX, 0);
  if (!after) return after.error();
  return Page{*limit, *after};
}

Reply failures_reply(const Request& request, std::vector<RunFailureRow> rows, int limit) {
  std::optional<std::string> cursor;
  if (cut_to(rows, limit)) cursor = std::to_string(rows.back().id);
  return list_reply(request, "failures", to_json_text(rows), cursor);
}

}  // namespace

Answering list_failures(Api& api, const Request& request) {
  const auto page = page_of(request);
  if (!page) co_return page.error();
  const auto attempt = co_await attempt_of(api, request);
  if (!attempt) co_return attempt.error();
  const ListFailures work{attempt->id, page->after, page->limit + 1};
  co_return failures_reply(request, co_await api.services.store.read(work), page->limit);
}

Answering list_campaign_failures(Api& api, const Request& request) {
  const auto page = page_of(request);
  if (!page) co_return page.error();
  const auto campaign = co_await campaign_of(api, request);
  if (!campaign) co_return campaign.error();
  const ListCampaignFailures work{campaign->id, page->after, page->limit + 1};
  co_return failures_reply(request, co_await api.services.store.read(work), page->limit);
}

}  // namespace ndr
