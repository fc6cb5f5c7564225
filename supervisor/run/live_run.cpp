#include "supervisor/run/live_run.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "supervisor/clock.hpp"
#include "supervisor/failpoint.hpp"
#include "supervisor/run/tree_activity.hpp"

namespace ndr {
namespace asio = boost::asio;
using namespace boost::asio::experimental::awaitable_operators;
using std::chrono::milliseconds;

namespace {

constexpr auto never = asio::steady_timer::time_point::max();
constexpr std::int64_t guard_margin_ms = 10000;  // what the shim may be late at its own deadline
constexpr std::int64_t stop_margin_ms = 15000;   // and with a stop, beyond its steps

asio::steady_timer::time_point at_ms(std::int64_t steady) {
  return asio::steady_timer::time_point{milliseconds{steady}};  // both are CLOCK_MONOTONIC
}

/// A branch of a race: it returns when the time is there, or throws when the race is over.
asio::awaitable<void> wait_until(std::int64_t steady) {
  asio::steady_timer timer{co_await asio::this_coro::executor, at_ms(steady)};
  co_await timer.async_wait(asio::use_awaitable);
}

/// How often a stall is looked for, so that no limit is overrun by more than a tenth.
std::int64_t look_interval_ms(const StallSettings& limits) {
  const std::int64_t shortest = std::min({limits.start_up_ms, limits.mid_run_ms, limits.shut_down_ms});
  return std::clamp<std::int64_t>(shortest / 10, 10, 1000);
}

}  // namespace

UniqueFd open_run_log(const std::filesystem::path& log) {
  const UniqueFd folder{::open(log.parent_path().c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!folder) return {};
  UniqueFd file{::openat(folder.get(), log.filename().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  struct stat status {};
  const bool is_log = file && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1;
  return is_log ? std::move(file) : UniqueFd{};
}

LiveRun::LiveRun(asio::any_io_executor executor, const RunLimits& limits, int log, AttemptRecord& record, RunScan& scan)
    : limits_(limits),
      log_(log),
      record_(record),
      scan_(scan),
      clock_(limits.stalls, steady_ms()),
      plan_(limits.stalls, limits.stop),
      began_ms_(steady_ms() - limits.spawned_ago_ms),
      due_(executor, never),
      cancel_(executor, never) {}

void LiveRun::recall(const std::vector<LogSignalRow>& stored, std::optional<StopAsked> asked) {
  asked_ = std::move(asked);
  const std::int64_t now = steady_ms();
  const std::int64_t wall_now = wall_ms();
  for (const LogSignalRow& row : stored) {
    if (asked_ && row.offset >= asked_->log_size) continue;  // fallout of the stop
    const SignalRule* rule = scan_.rule(row.rule);
    // Nothing was seen before the run began, whatever the clock was set to meanwhile.
    const std::int64_t age = std::clamp<std::int64_t>(wall_now - row.seen_at_ms, 0, limits_.spawned_ago_ms);
    if (rule != nullptr && plan_.see(*rule, now - age)) due_.expires_at(at_ms(*plan_.due_ms()));
  }
}

asio::awaitable<Ending> LiveRun::follow(ShimProcess* shim, LogTailer* tailer) {
  if (tailer == nullptr)
    co_await hold(shim, tailer);
  else
    co_await (read(*tailer) && hold(shim, tailer));
  co_return ending_;
}

void LiveRun::cancel() {
  cancel_asked_ = true;
  cancel_.cancel();
}

std::optional<std::uint64_t> LiveRun::stopped_at() const {
  return asked_ ? std::optional{asked_->log_size} : std::nullopt;
}

std::uint64_t LiveRun::log_size() const {
  struct stat status {};
  return log_ >= 0 && ::fstat(log_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

asio::awaitable<void> LiveRun::read(LogTailer& tailer) {
  int truncations = 0;
  for (;;) {
    const std::string_view chunk = co_await tailer.next_chunk();
    if (chunk.empty() && tailer.finished()) break;
    if (chunk.empty()) continue;
    if (tailer.truncations() != truncations) scan_.restart_at(tailer.offset() - chunk.size());
    truncations = tailer.truncations();
    take(chunk, scan_.feed(chunk, wall_ms()));
    failpoint("attempt.mid_output");
  }
  take({}, scan_.finish(wall_ms()));
}

void LiveRun::take(std::string_view chunk, const std::vector<SeenSignal>& signals) {
  const std::int64_t now = steady_ms();
  if (!chunk.empty()) clock_.output(now, kinds_.has_new(chunk));
  for (const SeenSignal& seen : signals) {
    clock_.signal(seen.rule->signal_class, now);
    // Sets the stop in motion; what is to be written down comes after.
    if (!seen.is_stored && plan_.see(*seen.rule, now)) due_.expires_at(at_ms(*plan_.due_ms()));
    if (scan_.is_worth_a_row(seen)) record_.add(scan_.row_of(seen, wall_ms()));
  }
  record_.advance(scan_.line_offset(), scan_.iterations());
}

asio::awaitable<void> LiveRun::hold(ShimProcess* shim, LogTailer* tailer) {
  if (asked_) ending_ = asked_->cause;
  if (shim != nullptr && !asked_) ending_ = co_await first_ending(*shim);
  if (shim != nullptr && !std::holds_alternative<Exited>(ending_)) co_await stop(*shim);
  if (tailer != nullptr) tailer->finish();
}

asio::awaitable<Ending> LiveRun::first_ending(ShimProcess& shim) {
  const auto first =
      co_await (exited(shim) || signal_due() || stalled(shim.identity().pid) || out_of_time() || cancelled());
  co_return std::visit([](const Ending& ending) { return ending; }, first);
}

StopLadder LiveRun::ladder() {
  const auto* signal = std::get_if<SignalSeen>(&ending_);
  const SignalRule* rule = signal != nullptr ? scan_.rule(signal->rule) : nullptr;
  if (rule != nullptr) plan_.see(*rule, steady_ms());  // of a stop whose signal an earlier daemon did not store
  if (plan_.due_ms()) return plan_.ladder();
  return std::holds_alternative<Stalled>(ending_) ? limits_.stop.hang : limits_.stop.other;
}

asio::awaitable<void> LiveRun::stop(ShimProcess& shim) {
  const StopLadder steps = ladder();
  const bool for_signal = std::holds_alternative<SignalSeen>(ending_);
  if (for_signal) failpoint("attempt.at_signal");
  const bool is_new = !asked_;
  if (is_new) asked_ = StopAsked{ending_, log_size()};
  if (is_new && !for_signal) co_await record_.will_stop(*asked_);
  shim.request_stop(steps);  // once more after a restart: the shim never makes a step longer
  if (is_new && for_signal) record_.stopping(*asked_);
  failpoint("attempt.in_stop");
  co_await see_end(shim, steps);
}

asio::awaitable<void> LiveRun::see_end(ShimProcess& shim, StopLadder ladder) {
  const std::int64_t latest = steady_ms() + ladder.interrupt_ms + ladder.terminate_ms + stop_margin_ms;
  const auto first = co_await (shim.ended() || wait_until(latest));
  if (first.index() == 0) co_return;
  shim.kill();  // it is stuck; its run is reaped as that of any lost shim
  co_await shim.ended();
}

asio::awaitable<Ending> LiveRun::exited(ShimProcess& shim) {
  co_await shim.ended();
  co_return Exited{};
}

asio::awaitable<Ending> LiveRun::signal_due() {
  for (;;) {
    boost::system::error_code moved;  // to another time, or the race is over: then the next wait throws
    co_await due_.async_wait(asio::redirect_error(asio::use_awaitable, moved));
    if (plan_.due_ms() && steady_ms() >= *plan_.due_ms()) co_return SignalSeen{plan_.rule()};
  }
}

asio::awaitable<Ending> LiveRun::stalled(int shim_pid) {
  const std::int64_t interval = look_interval_ms(limits_.stalls);
  for (;;) {
    co_await wait_until(steady_ms() + interval);
    const std::int64_t now = steady_ms();
    if (clock_.wants_activity(now)) look_at_tree(shim_pid, now);
    const std::optional<Stall> stall = clock_.check(now);
    if (stall) co_return Stalled{stall->reason, stall->silent_ms};
  }
}

void LiveRun::look_at_tree(int shim_pid, std::int64_t now_ms) {
  const TreeActivity activity = tree_activity(shim_pid);
  if (activity.has_triage_child) clock_.triage_lives(now_ms);
  if (cpu_ticks_ && activity.cpu_ticks > *cpu_ticks_) clock_.busy(now_ms);
  cpu_ticks_ = activity.cpu_ticks;
}

asio::awaitable<Ending> LiveRun::out_of_time() {
  co_await wait_until(began_ms_ + limits_.deadline_ms + guard_margin_ms);
  co_return OutOfTime{};
}

asio::awaitable<Ending> LiveRun::cancelled() {
  boost::system::error_code heard;
  while (!cancel_asked_)
    co_await cancel_.async_wait(asio::redirect_error(asio::use_awaitable, heard));
  co_return Cancelled{};
}

}  // namespace ndr
