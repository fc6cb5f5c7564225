#pragma once
#include <boost/asio/awaitable.hpp>

#include "api/context.hpp"
#include "api/requests.hpp"
#include "storage/records.hpp"

namespace ndr {

/// A campaign and the last event that was stored when it was read: what ?after= takes.
struct CampaignNow {
  CampaignRow row;
  EventId last_event;
};

/// Returns when what was asked for is there, at the latest at the limit; without a limit at once. The campaign exists.
boost::asio::awaitable<CampaignNow> wait_for_campaign(Api& api, CampaignId id, WaitRequest wait);

/// The same for a reset: any change of it is its end.
boost::asio::awaitable<ResetRow> wait_for_reset(Api& api, ResetId id, WaitRequest wait);

}  // namespace ndr
