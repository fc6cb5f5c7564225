#include "supervisor/run/attempt_record.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

#include "storage/record_json.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/log.hpp"

namespace ndr {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t signal_limit = 2000;  // stored of one attempt; the log has them all
constexpr auto batch_delay = 50ms;
constexpr auto progress_delay = 1000ms;
constexpr int events_at_once = 500;

std::string without_id(const LogSignalRow& signal) {
  auto body = ordered_json_from(to_json_text(signal));
  body.erase("id");  // it is given in the same transaction
  return json_text(body);
}

std::optional<StopAsked> stop_from(const std::string& event_body) {
  const auto body = json_from(event_body);
  if (!body.is_object() || !body.contains("stopping") || !body["stopping"].is_string()) return std::nullopt;
  const std::optional<Ending> cause = ending_from(body["stopping"].get<std::string>());
  if (!cause || !body.contains("log_size") || !body["log_size"].is_number_unsigned()) return std::nullopt;
  return StopAsked{*cause, body["log_size"].get<std::uint64_t>()};
}

}  // namespace

AttemptRecord::AttemptRecord(const asio::any_io_executor& executor, StoreAccess& store, AttemptRow row)
    : store_(store), row_(std::move(row)), due_(executor, asio::steady_timer::time_point::max()) {}

EventRow AttemptRecord::event(const char* type, std::string body) const {
  EventRow event;
  event.at_ms = wall_ms();
  event.type = type;
  event.campaign_id = row_.campaign_id;
  event.attempt_id = row_.id;
  event.subject = row_.case_name;
  event.body = std::move(body);
  return event;
}

asio::awaitable<void> AttemptRecord::spawned() {
  row_.spawned_at_ms = wall_ms();
  const EventRow told = event("attempt.state", to_json_text(row_));
  const auto work = [id = row_.id, at_ms = *row_.spawned_at_ms, told](Store& store) {
    store.attempts.spawned(id, at_ms);
    store.events.append(told);
  };
  co_await store_.write(work);
}

void AttemptRecord::add(LogSignalRow signal) {
  if (++signal_count_ > signal_limit) return;
  signal.attempt_id = row_.id;
  pending_.events.push_back(event("attempt.signal", without_id(signal)));
  pending_.signals.push_back(std::move(signal));
  store_within(batch_delay);
}

void AttemptRecord::advance(std::uint64_t offset, std::int64_t iterations) {
  if (offset == row_.log_offset && iterations == row_.iterations) return;
  row_.log_offset = pending_.log_offset = offset;
  row_.iterations = pending_.iterations = iterations;
  pending_.has_progress = true;
  store_within(progress_delay);
}

EventRow AttemptRecord::stop_event(const StopAsked& stop) const {
  auto body = ordered_json_from(to_json_text(row_));
  body["stopping"] = to_text(stop.cause);
  body["log_size"] = stop.log_size;
  return event("attempt.state", json_text(body));
}

void AttemptRecord::stopping(const StopAsked& stop) {
  pending_.events.push_back(stop_event(stop));
  store_within(batch_delay);
}

asio::awaitable<void> AttemptRecord::will_stop(StopAsked stop) {
  const EventRow told = stop_event(stop);
  const auto work = [&told](Store& store) { store.events.append(told); };
  try {
    co_await store_.write(work);
    co_return;
  } catch (const DatabaseError& error) {
    log_warning("attempt {}/{}: {}", row_.case_name, row_.number, error.what());
  }
  stopping(stop);  // a full disk is no reason to let it run on
}

void AttemptRecord::store_within(std::chrono::milliseconds delay) {
  const auto at = asio::steady_timer::clock_type::now() + delay;
  if (at < due_.expiry()) due_.expires_at(at);
}

void AttemptRecord::finish() {
  finished_ = true;
  due_.cancel();
}

asio::awaitable<void> AttemptRecord::keep() {
  while (!finished_) {
    boost::system::error_code moved;  // to an earlier time, or finished
    co_await due_.async_wait(asio::redirect_error(asio::use_awaitable, moved));
    if (finished_ || due_.expiry() > asio::steady_timer::clock_type::now()) continue;
    due_.expires_at(asio::steady_timer::time_point::max());
    const bool stored = co_await store_batch(std::exchange(pending_, {}));
    if (!stored) store_within(progress_delay);
  }
  const bool stored = co_await store_batch(std::exchange(pending_, {}));
  if (!stored) log_warning("attempt {}/{}: some of its signals are only in its log", row_.case_name, row_.number);
}

asio::awaitable<bool> AttemptRecord::store_batch(Batch batch) {
  if (batch.empty()) co_return true;
  const auto work = [id = row_.id, &batch](Store& store) {
    store.attempts.add_signals(batch.signals);
    for (const EventRow& told : batch.events)
      store.events.append(told);
    if (batch.has_progress) store.attempts.progress(id, batch.log_offset, batch.iterations);
  };
  try {
    co_await store_.write_quickly(work);
    co_return true;
  } catch (const DatabaseError& error) {
    log_warning("attempt {}/{}: {}", row_.case_name, row_.number, error.what());
  }
  keep_for_later(std::move(batch));
  co_return false;
}

void AttemptRecord::keep_for_later(Batch batch) {
  if (!pending_.has_progress) {
    pending_.has_progress = batch.has_progress;
    pending_.log_offset = batch.log_offset;
    pending_.iterations = batch.iterations;
  }
  pending_.signals.insert(pending_.signals.begin(), batch.signals.begin(), batch.signals.end());
  pending_.events.insert(pending_.events.begin(), batch.events.begin(), batch.events.end());
}

std::string to_text(const Ending& ending) {
  if (const auto* signal = std::get_if<SignalSeen>(&ending)) return "signal " + signal->rule;
  if (const auto* stall = std::get_if<Stalled>(&ending))
    return "stall " + stall->phase + " " + std::to_string(stall->silent_ms);
  if (std::holds_alternative<OutOfTime>(ending)) return "deadline";
  if (std::holds_alternative<Cancelled>(ending)) return "cancel";
  return "";
}

std::optional<Ending> ending_from(const std::string& text) {
  std::istringstream words{text};
  std::string kind, name;
  std::int64_t ms = 0;
  words >> kind >> name;
  if (kind == "signal" && !name.empty()) return SignalSeen{name};
  if (kind == "stall" && words >> ms) return Stalled{name, ms};
  if (kind == "deadline") return OutOfTime{};
  if (kind == "cancel") return Cancelled{};
  return std::nullopt;
}

asio::awaitable<std::optional<StopAsked>> stored_stop(StoreAccess& store, AttemptRow row) {
  std::optional<StopAsked> found;
  EventId last;
  for (;;) {
    const auto read = [&](Store& rows) { return rows.events.after(last, row.campaign_id, events_at_once); };
    const std::vector<EventRow> events = co_await store.read(read);
    for (const EventRow& event : events) {
      last = event.id;
      if (found || event.attempt_id != row.id || event.type != "attempt.state") continue;
      found = stop_from(event.body);
    }
    if (events.size() < static_cast<std::size_t>(events_at_once)) co_return found;
  }
}

}  // namespace ndr
