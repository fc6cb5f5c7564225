#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>

#include "analyzer/evidence/signal_matcher.hpp"
#include "supervisor/launch.hpp"
#include "supervisor/ports.hpp"
#include "supervisor/settings.hpp"
#include "supervisor/store_access.hpp"

namespace ndr {

/// Runs attempts for real: shim, log, signals, stop, judgement. Stores what happens meanwhile (spawned, signals,
/// progress, stops) and leaves the outcome to the caller. Lives on the I/O thread. When a machine is broken it throws
/// and leaves the run alone: resume() takes it up again.
class RealAttemptRunner final : public AttemptRunner {
public:
  /// `rules` are all packs; each case's own signature is added to them.
  RealAttemptRunner(boost::asio::any_io_executor executor, const Settings& settings, StoreAccess& store,
                    Launcher& launcher, std::shared_ptr<const SignalRuleSet> rules);
  ~RealAttemptRunner() override;

  boost::asio::awaitable<AttemptResult> run(AttemptOrder order) override;
  /// By what the folder says of its shim: running → attached and followed, its log read anew; ended → judged from log
  /// and exit.json; lost, or held for 2 s by nobody who can be found → what survives is killed, then `lost`; absent →
  /// nothing of it was ever started, so it is run now: the folder's claim lets only one shim in, should an earlier one
  /// still come up.
  boost::asio::awaitable<AttemptResult> resume(AttemptOrder order) override;
  void cancel(AttemptId id) override;

private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ndr
