#pragma once
#include <boost/asio/awaitable.hpp>

#include "supervisor/campaign/driver.hpp"
#include "supervisor/campaign/report.hpp"

namespace ndr {

/// The resets that were made for this campaign, oldest first.
std::vector<ResetRow> resets_of(Store& store, const CampaignRow& campaign);

/// Writes the results page, then finishes the campaign's row and gives its boards back, in one transaction. The page
/// comes first, so that whoever sees the campaign finished finds it; it goes on showing an earlier campaign that found
/// the same failure where this one has not. A page that cannot be written does not keep
/// the campaign from ending: that is an event.
boost::asio::awaitable<void> end_campaign(CampaignTools tools, CaseFolder folder, CampaignEnd end);

/// Gives the campaign's boards back: rows and events, inside the caller's transaction.
void release_boards(Store& store, const CampaignRow& campaign, std::int64_t now);

}  // namespace ndr
