#include "api/event_stream.hpp"

#include <vector>

#include "storage/record_json.hpp"
#include "supervisor/clock.hpp"

namespace ndr {
namespace asio = boost::asio;
namespace {

constexpr int batch = 256;

struct ReadEvents {
  EventId after;
  std::optional<CampaignId> campaign;
  std::vector<EventRow> operator()(Store& store) const {
    return campaign ? store.events.after(after, *campaign, batch) : store.events.after(after, batch);
  }
};

}  // namespace

EventStream::EventStream(StoreAccess& store, ChangeFeed& changes, Wanted wanted)
    : store_(&store), changes_(&changes), wanted_(wanted) {}

asio::awaitable<std::string> EventStream::newer_events() {
  const ReadEvents work{wanted_.after, wanted_.campaign};
  const std::vector<EventRow> rows = co_await store_->read(work);
  std::string text;
  for (const EventRow& row : rows)
    text += event_text(row, wanted_.format);
  if (!rows.empty()) wanted_.after = rows.back().id;
  co_return text;
}

asio::awaitable<std::string> EventStream::next() {
  const bool server_sent = wanted_.format == EventFormat::server_sent;
  if (!greeted_ && server_sent && wanted_.follow) {
    greeted_ = true;  // at once, so that a client knows that it listens before anything happens
    co_return std::string{": events of ndreprod\nretry: 2000\n\n"};
  }
  // Changes that are not for this reader do not put the ping off.
  const std::int64_t ping_at = steady_ms() + wanted_.ping.count();
  for (;;) {
    const std::uint64_t seen = changes_->generation();
    std::string text = co_await newer_events();
    if (!text.empty() || !wanted_.follow) co_return text;
    const std::chrono::milliseconds left{ping_at - steady_ms()};
    if (left.count() <= 0) co_return std::string{server_sent ? ": ping\n\n" : "\n"};
    co_await changes_->newer_than(seen, left);
  }
}

std::string event_text(const EventRow& row, EventFormat format) {
  const std::string json = to_json_text(row);
  if (format == EventFormat::lines) return json + "\n";
  return "id: " + std::to_string(row.id.value) + "\nevent: " + row.type + "\ndata: " + json + "\n\n";
}

}  // namespace ndr
