#pragma once
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/campaign/policy.hpp"
#include "supervisor/ports.hpp"
#include "supervisor/settings.hpp"
#include "supervisor/store_access.hpp"

namespace ndr {

/// What campaigns work with; all of it outlives them.
struct CampaignTools {
  const Settings& settings;
  StoreAccess& store;
  AttemptRunner& runner;
  BoardControl& boards;
  CaseWriter& writer;
};

/// Performs one campaign from where its rows stand to its finish: decide, store the intent, act, store the outcome.
/// Lives on the I/O thread; whoever owns it awaits drive() once.
class CampaignDriver {
public:
  CampaignDriver(CampaignTools tools, CampaignId id);

  /// To the campaign's finish. Throws what the database throws, and where the campaign's rows cannot be understood; a
  /// runner that throws makes a lost attempt.
  boost::asio::awaitable<void> drive();
  /// Stops the running attempt; the campaign ends as cancelled.
  void cancel();
  /// From here on nothing is decided and no outcome is stored: what runs is left to the next daemon.
  void abandon() { abandoned_ = true; }

private:
  boost::asio::awaitable<void> load();
  boost::asio::awaitable<void> begin();
  boost::asio::awaitable<void> announce_budget(bool assumed);
  boost::asio::awaitable<void> perform(RunAttempt step);
  boost::asio::awaitable<void> perform(ResetBoards step);
  boost::asio::awaitable<void> perform(Finish step);
  boost::asio::awaitable<void> write_recipe(Arm arm, std::uint64_t seed);
  boost::asio::awaitable<AttemptRow> begin_attempt(RunAttempt step);
  boost::asio::awaitable<void> conclude(AttemptRow row, std::int64_t deadline_ms, bool resumed);
  boost::asio::awaitable<AttemptResult> ask_runner(AttemptOrder order, bool resumed);
  boost::asio::awaitable<void> store_attempt(AttemptEnded ended);
  AttemptOrder order_of(const AttemptRow& row, std::int64_t deadline_ms) const;
  bool uses_board() const;

  CampaignTools tools_;
  CampaignId id_;
  CampaignRow campaign_;
  CaseFolder folder_{{}};
  Policy policy_;
  Progress progress_;
  std::optional<SlicePlan> slice_;  // of the attempt in hand
  std::vector<std::string> boards_;
  std::vector<std::pair<std::string, std::string>> environment_;
  std::optional<AttemptRow> open_;  // of a daemon before us
  std::optional<AttemptId> current_;
  bool cancelled_ = false;
  bool abandoned_ = false;
  bool measured_ = false;  // the budget's sight was announced with a measured length
};

}  // namespace ndr
