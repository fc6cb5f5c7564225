#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/refusal.hpp"
#include "storage/records.hpp"
#include "supervisor/boards/lease.hpp"
#include "supervisor/campaign/replay.hpp"
#include "supervisor/campaign/verify_order.hpp"
#include "supervisor/ports.hpp"
#include "supervisor/settings.hpp"
#include "supervisor/store_access.hpp"

namespace ndr {

/// One order: reproduce this case within this budget.
struct CampaignRequest {
  std::string case_name;
  CampaignMode mode = CampaignMode::quick;
  std::int64_t budget_ms = 300000;
  std::optional<std::uint64_t> seed;
  int confirmations = 3;
  std::vector<std::string> boards;  // empty: case.yaml's, else that of a device failure, else `host`
  std::string requested_by;
};

/// Campaigns in the order they came, one driver per leased board. Lives on the I/O thread.
class CampaignQueue {
public:
  CampaignQueue(boost::asio::any_io_executor executor, const Settings& settings, StoreAccess& store,
                AttemptRunner& runner, BoardControl& boards, CaseWriter& writer);
  ~CampaignQueue();
  CampaignQueue(const CampaignQueue&) = delete;
  CampaignQueue& operator=(const CampaignQueue&) = delete;

  /// Stores it as queued and wakes the queue. Refuses: unknown case, no analysis that shows a failure, a
  /// script that cannot run, an unknown board, a budget out of range.
  boost::asio::awaitable<Checked<CampaignId>> submit(CampaignRequest request);
  /// The same for a verification. Refuses too: no campaign that reproduced the failure, a checkout that is not there or
  /// that run_test.sh does not ask for.
  boost::asio::awaitable<Checked<CampaignId>> submit(VerifyRequest request);
  /// The same for one attempt once more.
  boost::asio::awaitable<Checked<CampaignId>> submit(ReplayRequest request);
  /// The running attempt is stopped; a queued campaign ends at once. Refuses an unknown or a finished one.
  boost::asio::awaitable<Checked<CampaignId>> cancel(CampaignId id);
  /// Takes up what a daemon before us left: open attempts are resumed, and their campaigns go on. Boards come first:
  /// those whose open resets are still being settled are leased then.
  boost::asio::awaitable<void> restore();
  /// No new acts from here on; returns when the drivers stand still, at the latest after 2 s. Running attempts go on
  /// without us.
  boost::asio::awaitable<void> stop();
  /// Whoever else uses a board leases it here: campaigns wait for it, and go on by themselves when it is released.
  BoardLeases& leases();

private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the drivers' ends, which may come after us
};

}  // namespace ndr
