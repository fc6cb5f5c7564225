#include "api/waiting.hpp"

#include "api/lookup.hpp"
#include "supervisor/clock.hpp"

namespace ndr {
namespace asio = boost::asio;
namespace {

struct ReadNow {
  CampaignId id;
  EventId since;
  struct Answer {
    CampaignNow now;
    bool changed;
  };
  Answer operator()(Store& store) const {
    return {{store.campaigns.find(id).value(), store.events.last()}, !store.events.after(since, id, 1).empty()};
  }
};

std::chrono::milliseconds left_until(std::int64_t deadline_ms) {
  return std::chrono::milliseconds{deadline_ms - steady_ms()};
}

}  // namespace

asio::awaitable<CampaignNow> wait_for_campaign(Api& api, CampaignId id, WaitRequest wait) {
  Services& services = api.services;
  const std::int64_t deadline = steady_ms() + wait.limit.count();
  const LastEvent last_event;
  const EventId last = co_await services.store.read(last_event);
  const ReadNow work{id, wait.after.value_or(last)};
  for (;;) {
    const std::uint64_t seen = services.changes.generation();
    ReadNow::Answer answer = co_await services.store.read(work);
    const bool finished = answer.now.row.state == CampaignState::finished;
    const bool done = finished || (!wait.until_finished && answer.changed);
    const auto left = left_until(deadline);
    if (done || left.count() <= 0) co_return std::move(answer.now);
    co_await services.changes.newer_than(seen, left);
  }
}

asio::awaitable<ResetRow> wait_for_reset(Api& api, ResetId id, WaitRequest wait) {
  Services& services = api.services;
  const std::int64_t deadline = steady_ms() + wait.limit.count();
  const FindReset work{id};
  for (;;) {
    const std::uint64_t seen = services.changes.generation();
    std::optional<ResetRow> row = co_await services.store.read(work);
    const auto left = left_until(deadline);
    if (row.value().result || left.count() <= 0) co_return std::move(*row);
    co_await services.changes.newer_than(seen, left);
  }
}

}  // namespace ndr
