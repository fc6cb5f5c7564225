#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "supervisor/launch.hpp"
#include "supervisor/ports.hpp"
#include "supervisor/run/attempt_record.hpp"
#include "supervisor/run/failure_reader.hpp"
#include "supervisor/run/live_run.hpp"
#include "supervisor/run/live_slice.hpp"
#include "supervisor/run/verdict.hpp"

namespace ndr {

/// Which attempts are live, and which were asked to end, by id; shared with those that a context destroys last.
struct LiveAttempts {
  std::map<std::int64_t, std::function<void()>> cancels;
  std::set<std::int64_t> cancelled;  // also before they are live
};

/// What attempts work with; outlives their work, not always their destruction.
struct AttemptTools {
  boost::asio::any_io_executor executor;
  const Settings& settings;
  StoreAccess& store;
  Launcher& launcher;
  FailureReader& reader;
  std::shared_ptr<LogWatch> watch;
  std::shared_ptr<LiveAttempts> live;
};

/// One attempt from its shim to its judgement. Its owner awaits start() or take_up(), one of them, once.
class Attempt {
public:
  Attempt(AttemptTools tools, AttemptOrder order, std::shared_ptr<const SignalRuleSet> rules);

  /// Runs it from its beginning. Nothing when another shim has the folder already.
  boost::asio::awaitable<std::optional<AttemptResult>> start();
  /// Goes on where an earlier daemon stopped; `shim` is null for a run that is over.
  boost::asio::awaitable<AttemptResult> take_up(ShimProcess* shim);
  /// Kills what a lost shim left behind; its folder counts as ended then.
  boost::asio::awaitable<void> reap();
  const AttemptFolder& folder() const { return folder_; }

private:
  boost::asio::awaitable<AttemptResult> follow(ShimProcess* shim, std::vector<LogSignalRow> stored,
                                               std::optional<StopAsked> asked);
  boost::asio::awaitable<AttemptResult> follow_slice(ShimProcess* shim);
  boost::asio::awaitable<void> read_recovered(LiveSlice& live, const LogTailer& read, const UniqueFd& log);
  template <class Live>
  boost::asio::awaitable<Ending> follow_to_end(Live& live, ShimProcess* shim, LogTailer* tailer);
  void tell_place(AttemptRow& row) const;
  boost::asio::awaitable<void> read_failure(Observation& seen, int log);
  RunLimits limits(const ShimProcess* shim) const;
  AttemptResult result_of(const Judgement& judgement, const Observation& seen) const;

  AttemptTools tools_;
  AttemptOrder order_;
  std::shared_ptr<const SignalRuleSet> rules_;
  AttemptFolder folder_;
  AttemptSpec spec_;
  AttemptRecord record_;
};

}  // namespace ndr
