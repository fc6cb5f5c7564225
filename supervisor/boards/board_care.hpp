#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/boards/lease.hpp"
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

  /// Once more after a failure, where the hourly limit allows it; then the board is quarantined. What is left of an
  /// earlier reset is settled first. A campaign's wish for which why_not_reset() has a reason is answered `failed`
  /// without a row (id 0); a wish by hand is always tried: whoever asked for it has asked that before.
  boost::asio::awaitable<ResetRow> reset(std::string board, std::optional<CampaignId> campaign,
                                         std::string requested_by) override;
  boost::asio::awaitable<std::optional<Refusal>> why_not_reset(std::string board, bool by_hand) override;

  /// Takes up what a daemon before us left: boards that are seen for the first time get a row; open resets are waited
  /// for and judged by what they left, in tasks of their own that hold their board's lease meanwhile.
  boost::asio::awaitable<void> restore(BoardLeases& leases);

private:
  boost::asio::awaitable<ResetRow> reset_once(std::string board, std::vector<std::string> before,
                                              std::optional<CampaignId> campaign, std::string requested_by);
  boost::asio::awaitable<ResetRow> carry_out(ResetRow row, Checked<std::vector<std::string>> command);
  boost::asio::awaitable<ResetRow> conclude_failed(ResetRow row, std::exception_ptr thrown);
  /// When nothing of it lives any more.
  boost::asio::awaitable<ResetObservation> end_of(ResetRow row);
  boost::asio::awaitable<void> settle_open(std::string board);
  boost::asio::awaitable<void> settle_leased(std::string board, Lease lease);
  boost::asio::awaitable<std::optional<Refusal>> why_held(std::string board);
  boost::asio::awaitable<std::optional<Refusal>> why_too_often(std::string board);
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
