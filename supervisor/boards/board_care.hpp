#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/boards/reset_rules.hpp"
#include "supervisor/launch.hpp"
#include "supervisor/ports.hpp"
#include "supervisor/settings.hpp"
#include "supervisor/store_access.hpp"

namespace ndr {

/// Resets boards by the configured command, and believes none that it has not verified. Lives on the I/O thread.
class BoardCare final : public BoardControl {
public:
  BoardCare(boost::asio::any_io_executor executor, const Settings& settings, StoreAccess& store, Launcher& launcher);

  /// Once more after a failure; a second failure quarantines the board, and a campaign's wish for a quarantined or
  /// foreign-held board, or beyond the hourly limit, is answered `failed` without a row (id 0). A wish by hand is
  /// always tried: a person vouches for it.
  boost::asio::awaitable<ResetRow> reset(std::string board, std::optional<CampaignId> campaign,
                                         std::string requested_by) override;
  boost::asio::awaitable<std::vector<std::string>> holders(std::vector<std::string> boards) override;

  /// Takes up what a daemon before us left: boards that are seen for the first time get a row, resets that still run
  /// are waited for, others are judged by what they left.
  boost::asio::awaitable<void> restore();

private:
  boost::asio::awaitable<ResetRow> reset_once(std::string board, std::vector<std::string> before,
                                              std::optional<CampaignId> campaign, std::string requested_by);
  boost::asio::awaitable<std::optional<std::string>> why_not(std::string board);
  boost::asio::awaitable<ResetRow> conclude(ResetRow row, ResetObservation seen);
  boost::asio::awaitable<void> store_end(ResetRow row);
  boost::asio::awaitable<void> watch(ShimProcess& shim, const ResetRow& row);
  boost::asio::awaitable<std::vector<std::string>> devices();
  boost::asio::awaitable<std::vector<std::string>> devices_again(std::vector<std::string> before);
  boost::asio::awaitable<std::optional<std::string>> unready();
  boost::asio::awaitable<void> pause(std::int64_t ms);
  AttemptFolder folder_of(const ResetRow& row) const;

  boost::asio::any_io_executor executor_;
  const Settings& settings_;
  StoreAccess& store_;
  Launcher& launcher_;
};

}  // namespace ndr
