#include "supervisor/run/live_slice.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "storage/evidence_json.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/run/slice_judgement.hpp"

namespace ndr {
namespace asio = boost::asio;
using namespace boost::asio::experimental::awaitable_operators;
using std::chrono::milliseconds;

namespace {

constexpr std::int64_t slice_guard_ms = 10000;  // what the shim may be late at its own deadline
constexpr std::int64_t slice_stop_ms = 15000;   // and with a stop, beyond its steps
constexpr std::size_t most_text = 8u << 20;     // of one run, for log signals
constexpr std::size_t most_known = 256;
constexpr std::size_t longest_known = 64u << 10;

asio::steady_timer::time_point steady_point(std::int64_t steady) {
  return asio::steady_timer::time_point{milliseconds{steady}};
}

asio::awaitable<void> sleep_until(std::int64_t steady) {
  asio::steady_timer timer{co_await asio::this_coro::executor, steady_point(steady)};
  co_await timer.async_wait(asio::use_awaitable);
}

std::string places_text(const std::vector<DelayedPlace>& places) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const DelayedPlace& place : places)
    list.push_back({place.module, place.offset});
  return json_text(list);
}

/// 4 and 5 (pytest), 126 and 127 (a shell) say that no test ran.
int test_status(const SliceRun& run) {
  const int status = run.stood_still ? 0 : run.exit_code.value_or(0);
  return status == 4 || status == 5 || status == 126 || status == 127 ? 0 : status;
}

}  // namespace

LiveSlice::LiveSlice(asio::any_io_executor executor, SliceWatch watch, AttemptRecord& record, FailureReader& reader)
    : watch_(std::move(watch)),
      record_(record),
      reader_(reader),
      began_ms_(steady_ms() - watch_.spawned_ago_ms),
      bell_(executor, asio::steady_timer::time_point::max()) {}

asio::awaitable<Ending> LiveSlice::follow(ShimProcess* shim, LogTailer* tailer) {
  if (tailer == nullptr)
    co_await hold(shim, tailer);
  else
    co_await (read(*tailer) && hold(shim, tailer));
  co_return ending_;
}

asio::awaitable<void> LiveSlice::read_rest(LogTailer& rest) {
  rest.finish();
  co_await read(rest);
}

void LiveSlice::cancel() {
  told_ = Cancelled{};
  bell_.cancel();
}

asio::awaitable<void> LiveSlice::read(LogTailer& tailer) {
  for (;;) {
    const std::string_view chunk = co_await tailer.next_chunk();
    if (chunk.empty() && tailer.finished()) co_return;
    for (SliceEvent& event : log_reader_.feed(chunk)) {
      if (auto* progress = std::get_if<SliceProgress>(&event)) {
        sum_ = std::move(*progress);
        record_.advance(tailer.offset(), sum_.runs);
      } else {
        co_await take(std::move(std::get<SliceRun>(event)));
      }
    }
  }
}

asio::awaitable<void> LiveSlice::hold(ShimProcess* shim, LogTailer* tailer) {
  if (shim != nullptr) ending_ = co_await first_ending(*shim);
  if (shim != nullptr && !std::holds_alternative<Exited>(ending_)) {
    shim->request_stop(watch_.ladder);
    co_await see_end(*shim);
  }
  if (tailer != nullptr) tailer->finish();
}

asio::awaitable<Ending> LiveSlice::first_ending(ShimProcess& shim) {
  const auto first = co_await (exited(shim) || out_of_time() || told());
  co_return std::visit([](const Ending& ending) { return ending; }, first);
}

asio::awaitable<Ending> LiveSlice::exited(ShimProcess& shim) {
  co_await shim.ended();
  co_return Exited{};
}

asio::awaitable<Ending> LiveSlice::out_of_time() {
  co_await sleep_until(began_ms_ + watch_.deadline_ms + slice_guard_ms);
  co_return OutOfTime{};
}

asio::awaitable<Ending> LiveSlice::told() {
  boost::system::error_code heard;
  while (!told_)
    co_await bell_.async_wait(asio::redirect_error(asio::use_awaitable, heard));
  co_return *told_;
}

asio::awaitable<void> LiveSlice::see_end(ShimProcess& shim) {
  const std::int64_t latest = steady_ms() + watch_.ladder.interrupt_ms + watch_.ladder.terminate_ms + slice_stop_ms;
  const auto first = co_await (shim.ended() || sleep_until(latest));
  if (first.index() == 0) co_return;
  shim.kill();
  co_await shim.ended();
}

asio::awaitable<void> LiveSlice::take(SliceRun run) {
  if (run.kept != Kept::failed && run.kept != Kept::literal) co_return;
  const Judged judged = co_await judge_run(run);
  // Words of the failure in a healthy run.
  if (judged.judgement.verdict == Verdict::passed) co_return;
  add(run, judged);
  if (watch_.enough_matches == 0 || matched_ < watch_.enough_matches || told_) co_return;
  told_ = SignalSeen{"case.signature"};
  bell_.cancel();
}

asio::awaitable<LiveSlice::Judged> LiveSlice::judge_run(const SliceRun& run) {
  const std::string text = text_of(run);
  std::string key;
  if (text.size() <= longest_known) {
    key = std::to_string(run.exit_code.value_or(-1)) + " " + std::to_string(run.term_signal.value_or(-1)) +
          (run.stood_still ? " still " : " ") + text;
    if (const auto known = known_.find(key); known != known_.end()) co_return known->second;
  }
  Observation seen = observation_of(run, watch_.wanted, watch_.run_limit_ms);
  RunScan scan{watch_.rules};
  scan.restart_at(run.begin);
  scan.feed(text, wall_ms());
  scan.finish(wall_ms());
  seen.faults = scan.faults();
  seen.began = scan.began();
  std::vector<std::uint64_t> offsets;
  for (const FaultSignal& fault : seen.faults)
    offsets.push_back(fault.offset);
  FailureReading reading = co_await reader_.read_run(watch_.log, watch_.log_name, {run.begin, run.end},
                                                     std::move(offsets), test_status(run));
  seen.seen = std::move(reading.seen);
  seen.error_offset = reading.error_offset;
  if (seen.seen.failure_type == FailureType::none) seen.seen = failure_of_death(*seen.exit).value_or(Signature{});
  if (seen.seen.failure_type != FailureType::none) seen.match = ndr::match(seen.wanted, seen.seen);
  Judged judged{judge(seen), seen.seen, {}};
  if (judged.judgement.match) judged.match = *judged.judgement.match;
  if (!key.empty() && known_.size() < most_known) known_.emplace(std::move(key), judged);
  co_return judged;
}

void LiveSlice::add(const SliceRun& run, const Judged& judged) {
  RunFailureRow row;
  row.attempt_id = record_.row().id;
  row.run = run.run;
  row.copy = run.copy;
  row.seed = run.seed;
  row.verdict = judged.judgement.verdict;
  row.explanation = judged.judgement.explanation;
  if (judged.judgement.match) {
    row.match_grade = std::string{to_text(judged.match.grade)};
    row.match_reasons = json_text(nlohmann::json(judged.match.reasons));
  }
  if (judged.seen.failure_type != FailureType::none) row.failure_json = to_json_text(judged.seen);
  row.exit_code = run.exit_code;
  row.term_signal = run.term_signal;
  row.duration_us = run.duration_us;
  row.log_offset = run.begin;
  row.log_bytes = run.end - run.begin;
  row.places_json = places_text(run.places);
  const bool is_match = row.verdict == Verdict::reproduced;
  if (failures_.empty() || (is_match && matched_ == 0)) {
    seen_ = judged.seen;
    match_ = judged.match;
  }
  matched_ += is_match;
  failures_.push_back(std::move(row));
}

std::string LiveSlice::text_of(const SliceRun& run) const {
  std::string text(static_cast<std::size_t>(std::min<std::uint64_t>(run.end - run.begin, most_text)), '\0');
  std::size_t got = 0;
  while (got < text.size()) {
    const ssize_t piece =
        ::pread(watch_.log, text.data() + got, text.size() - got, static_cast<off_t>(run.begin + got));
    if (piece < 0 && errno == EINTR) continue;
    if (piece < 0) throw std::system_error{errno, std::generic_category(), "read a slice's log"};
    if (piece == 0) break;
    got += static_cast<std::size_t>(piece);
  }
  text.resize(got);
  return text;
}

}  // namespace ndr
