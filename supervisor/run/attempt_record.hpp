#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "storage/records.hpp"
#include "supervisor/run/verdict.hpp"
#include "supervisor/store_access.hpp"

namespace ndr {

/// A stop that the supervisor asked for: why, and how large the log was then (what follows is fallout).
struct StopAsked {
  Ending cause;
  std::uint64_t log_size = 0;
};

/// Writes down what a live attempt shows, in batches, so that no reaction waits for a commit: log signals and events
/// within 50 ms, progress alone within a second. Whoever owns it awaits keep() beside the run. What cannot be stored
/// (the disk is full) is tried again and at the end left out: it can be read again from the log.
class AttemptRecord {
public:
  AttemptRecord(const boost::asio::any_io_executor& executor, StoreAccess& store, AttemptRow row);

  /// The fact that the run exists, durable at once.
  boost::asio::awaitable<void> spawned();
  void add(LogSignalRow signal);
  /// Everything before `offset` has been scanned: where the next daemon goes on.
  void advance(std::uint64_t offset, std::int64_t iterations);
  /// The run is being asked to stop. Stored at once where that comes before the act, else with the next batch.
  boost::asio::awaitable<void> will_stop(StopAsked stop);
  void stopping(const StopAsked& stop);

  /// Until finish(), and all is stored.
  boost::asio::awaitable<void> keep();
  void finish();
  const AttemptRow& row() const { return row_; }

private:
  struct Batch {
    std::vector<LogSignalRow> signals;
    std::vector<EventRow> events;
    bool has_progress = false;
    std::uint64_t log_offset = 0;
    std::int64_t iterations = 0;
    bool empty() const { return signals.empty() && events.empty() && !has_progress; }
  };

  EventRow event(const char* type, std::string body) const;
  EventRow stop_event(const StopAsked& stop) const;
  void store_within(std::chrono::milliseconds delay);
  boost::asio::awaitable<bool> store_batch(Batch batch);
  void keep_for_later(Batch batch);

  StoreAccess& store_;
  AttemptRow row_;
  boost::asio::steady_timer due_;  // never, while there is nothing to store
  Batch pending_;
  std::size_t signal_count_ = 0;
  bool finished_ = false;
};

/// "signal RULE", "stall PHASE MS", "deadline", "cancel", for the event of a stop, and back. Exited has no text.
std::string to_text(const Ending& ending);
std::optional<Ending> ending_from(const std::string& text);

/// The stop that an earlier daemon asked for, as the attempt's events tell.
boost::asio::awaitable<std::optional<StopAsked>> stored_stop(StoreAccess& store, AttemptRow row);

}  // namespace ndr
