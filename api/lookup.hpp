#pragma once
#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>

#include "api/context.hpp"
#include "api/http.hpp"
#include "api/problem.hpp"
#include "storage/store.hpp"

namespace ndr {

// The row that a route's parameters name, or 404. Awaited on the spot, so the references hold.
boost::asio::awaitable<Answer<CaseRow>> case_of(Api& api, const Request& request);          // {case}
boost::asio::awaitable<Answer<CampaignRow>> campaign_of(Api& api, const Request& request);  // {campaign}
/// By {attempt}, or by {case} and {number}.
boost::asio::awaitable<Answer<AttemptRow>> attempt_of(Api& api, const Request& request);
boost::asio::awaitable<Answer<BoardRow>> board_of(Api& api, const Request& request);  // {board}
boost::asio::awaitable<Answer<ResetRow>> reset_of(Api& api, const Request& request);  // {reset}

/// Work for the store.
struct LastEvent {
  EventId operator()(Store& store) const { return store.events.last(); }
};
struct FindCase {
  std::string name;
  std::optional<CaseRow> operator()(Store& store) const { return store.cases.find(name); }
};
struct FindCampaign {
  CampaignId id;
  std::optional<CampaignRow> operator()(Store& store) const { return store.campaigns.find(id); }
};
struct FindReset {
  ResetId id;
  std::optional<ResetRow> operator()(Store& store) const { return store.boards.find_reset(id); }
};

}  // namespace ndr
