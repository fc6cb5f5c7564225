#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "supervisor/launch.hpp"
#include "supervisor/run/attempt_record.hpp"
#include "supervisor/run/log_tailer.hpp"
#include "supervisor/run/run_scan.hpp"
#include "supervisor/run/stall_clock.hpp"
#include "supervisor/run/stop_plan.hpp"
#include "supervisor/settings.hpp"

namespace ndr {

/// The log of a run, opened through its folder: no symlink, a regular file with one name. Empty where it is none.
UniqueFd open_run_log(const std::filesystem::path& log);

/// What a run under watch is held to.
struct RunLimits {
  StallSettings stalls;
  StopSettings stop;
  std::int64_t deadline_ms = 300000;  // of the shim, from the spawn
  std::int64_t spawned_ago_ms = 0;    // when watching begins; by no clock that can be set
};

/// Follows one run: reads its output from the beginning, decides when it has to be stopped, stops it, and reads on to
/// the end. One story for a run just started, one found running and one found ended.
class LiveRun {
public:
  /// `log` is asked for its size only and stays the caller's; -1: there is none.
  LiveRun(boost::asio::any_io_executor executor, const RunLimits& limits, int log, AttemptRecord& record,
          RunScan& scan);
  LiveRun(const LiveRun&) = delete;
  LiveRun& operator=(const LiveRun&) = delete;

  /// What an earlier daemon saw, so that the run is stopped when that one would have, and the stop it asked for.
  void recall(const std::vector<LogSignalRow>& stored, std::optional<StopAsked> asked);
  /// To the end of the run and of its log. `shim` is null for a run found ended, `tailer` where there is no log.
  /// Returns why the run had to end.
  boost::asio::awaitable<Ending> follow(ShimProcess* shim, LogTailer* tailer);
  void cancel();
  /// The log's size in bytes when we first asked the run to stop; the shim's own stops are in exit.json.
  std::optional<std::uint64_t> stopped_at() const;

private:
  boost::asio::awaitable<void> read(LogTailer& tailer);
  boost::asio::awaitable<void> hold(ShimProcess* shim, LogTailer* tailer);
  boost::asio::awaitable<Ending> first_ending(ShimProcess& shim);
  boost::asio::awaitable<void> stop(ShimProcess& shim);
  boost::asio::awaitable<void> see_end(ShimProcess& shim, StopLadder ladder);
  boost::asio::awaitable<Ending> exited(ShimProcess& shim);
  boost::asio::awaitable<Ending> signal_due();
  boost::asio::awaitable<Ending> stalled(int shim_pid);
  boost::asio::awaitable<Ending> out_of_time();
  boost::asio::awaitable<Ending> cancelled();
  void take(std::string_view chunk, const std::vector<SeenSignal>& signals);
  void look_at_tree(int shim_pid, std::int64_t now_ms);
  StopLadder ladder();
  std::uint64_t log_size() const;

  RunLimits limits_;
  int log_;
  AttemptRecord& record_;
  RunScan& scan_;
  StallClock clock_;
  LineKinds kinds_;
  StopPlan plan_;
  std::int64_t began_ms_;
  boost::asio::steady_timer due_;     // of the plan
  boost::asio::steady_timer cancel_;  // never; cancelled to be heard
  bool cancel_asked_ = false;
  Ending ending_;
  std::optional<StopAsked> asked_;
  std::optional<std::uint64_t> cpu_ticks_;
};

}  // namespace ndr
