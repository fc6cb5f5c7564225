#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/slice_log.hpp"
#include "supervisor/launch.hpp"
#include "supervisor/run/attempt_record.hpp"
#include "supervisor/run/failure_reader.hpp"
#include "supervisor/run/log_tailer.hpp"
#include "supervisor/run/run_scan.hpp"

namespace ndr {

/// What a slice is held to and judged by.
struct SliceWatch {
  std::shared_ptr<const SignalRuleSet> rules;
  Signature wanted;
  std::string log_name;  // what evidence calls the log
  int log = -1;          // stays the caller's
  std::int64_t deadline_ms = 300000;
  std::int64_t spawned_ago_ms = 0;
  std::int64_t run_limit_ms = 1000;
  int enough_matches = 1;  // 0: it is not ended early
  StopLadder ladder{2000, 1000};
};

/// Follows the loop of a slice: judges each failing run as it is written to the log, and ends the slice when enough
/// have matched. Always from the log's beginning, also after a restart.
class LiveSlice {
public:
  LiveSlice(boost::asio::any_io_executor executor, SliceWatch watch, AttemptRecord& record, FailureReader& reader);
  LiveSlice(const LiveSlice&) = delete;
  LiveSlice& operator=(const LiveSlice&) = delete;

  /// To the end of the loop and of its log; `shim` is null for one found ended, `tailer` where there is no log.
  boost::asio::awaitable<Ending> follow(ShimProcess* shim, LogTailer* tailer);
  /// What was appended to the log when the loop was gone; `rest` begins where the other tailer ended.
  boost::asio::awaitable<void> read_rest(LogTailer& rest);
  void cancel();

  const std::vector<RunFailureRow>& failures() const { return failures_; }
  const SliceProgress& sum() const { return sum_; }
  /// Of the first match, else of the first failing run: what was seen, and how it compares.
  const Signature& seen() const { return seen_; }
  const Match& match() const { return match_; }

private:
  struct Judged {
    Judgement judgement;
    Signature seen;
    Match match;
  };

  boost::asio::awaitable<void> read(LogTailer& tailer);
  boost::asio::awaitable<void> hold(ShimProcess* shim, LogTailer* tailer);
  boost::asio::awaitable<Ending> first_ending(ShimProcess& shim);
  boost::asio::awaitable<Ending> exited(ShimProcess& shim);
  boost::asio::awaitable<Ending> out_of_time();
  boost::asio::awaitable<Ending> told();
  boost::asio::awaitable<void> see_end(ShimProcess& shim);
  boost::asio::awaitable<void> take(SliceRun run);
  boost::asio::awaitable<Judged> judge_run(const SliceRun& run);
  void add(const SliceRun& run, const Judged& judged);
  std::string text_of(const SliceRun& run) const;

  SliceWatch watch_;
  AttemptRecord& record_;
  FailureReader& reader_;
  SliceLogReader log_reader_;
  std::int64_t began_ms_;
  boost::asio::steady_timer bell_;  // never; cancelled to be heard
  std::optional<Ending> told_;      // cancelled, or enough matched
  Ending ending_;
  std::vector<RunFailureRow> failures_;
  SliceProgress sum_;
  Signature seen_;
  Match match_;
  int matched_ = 0;
  std::map<std::string, Judged> known_;  // by what a run wrote and how it ended
};

}  // namespace ndr
