#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/query.hpp"

namespace ndr {
namespace {

/// Where to begin: ?after=, else Last-Event-ID, else nothing: from now on.
Answer<std::optional<EventId>> after_of(const Request& request) {
  using Found = std::optional<EventId>;
  const auto after = query_number(request, "after", 0, INT64_MAX, -1);
  if (!after) return after.error();
  if (*after >= 0) return Found{EventId{*after}};
  const auto last = request.header("last-event-id");
  if (!last || last->empty()) return Found{};
  if (*last == "0") return Found{EventId{0}};
  const auto id = row_id_from(*last);
  if (!id)
    return bad_query("Last-Event-ID", "\"" + *last + "\" is not an event's id", "give a number, or leave it out");
  return Found{EventId{*id}};
}

bool wants_lines(const Request& request) {
  return request.header("accept").value_or("").find("application/x-ndjson") != std::string::npos;
}

}  // namespace

Answering get_events(Api& api, const Request& request) {
  if (auto problem = check_query(request, {"after", "campaign", "follow"})) co_return *problem;
  const auto after = after_of(request);
  if (!after) co_return after.error();
  const auto campaign = query_number(request, "campaign", 1, INT64_MAX, 0);
  if (!campaign) co_return campaign.error();
  const auto follow = query_flag(request, "follow", true);
  if (!follow) co_return follow.error();
  const LastEvent work;
  const EventId last = co_await api.services.store.read(work);
  const bool lines = wants_lines(request);
  EventStream::Wanted wanted;
  // What is there is what is asked for when it is not followed.
  wanted.after = after->value_or(*follow ? last : EventId{0});
  if (*campaign > 0) wanted.campaign = CampaignId{*campaign};
  wanted.format = lines ? EventFormat::lines : EventFormat::server_sent;
  wanted.follow = *follow;
  wanted.ping = api.limits.event_ping;
  Reply reply;
  reply.headers.push_back({"Content-Type", lines ? "application/x-ndjson" : "text/event-stream"});
  reply.body = EventStream{api.services.store, api.services.changes, wanted};
  co_return reply;
}

}  // namespace ndr
