#include "supervisor/run/attempt.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <ctime>
#include <nlohmann/json.hpp>
#include <system_error>

#include "storage/atomic_file.hpp"
#include "storage/evidence_json.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/failpoint.hpp"
#include "supervisor/run/case_copy.hpp"
#include "supervisor/run/slice_judgement.hpp"
#include "supervisor/run/spec.hpp"

namespace ndr {
namespace asio = boost::asio;
using namespace boost::asio::experimental::awaitable_operators;
using namespace std::chrono_literals;

namespace {

constexpr auto reap_limit = 15s;
constexpr std::uint64_t exit_limit = 1u << 20;
constexpr std::uint64_t spec_limit = 4u << 20;
constexpr int all_signals = 2000;
constexpr const char* shim_lost = "shim lost";  // the error in an exit.json that `reap` has written

class Registered {
public:
  Registered(std::shared_ptr<LiveAttempts> live, AttemptId id, const std::function<void()>& cancel)
      : live_(std::move(live)), id_(id) {
    live_->cancels[id_.value] = cancel;
    if (live_->cancelled.count(id_.value) > 0) cancel();
  }
  ~Registered() { live_->cancels.erase(id_.value); }
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;

private:
  std::shared_ptr<LiveAttempts> live_;
  AttemptId id_;
};

/// Nothing where there is none, or none that can be understood: then nobody knows how it ended.
std::optional<AttemptExit> read_exit(const AttemptFolder& folder) {
  try {
    const Checked<AttemptExit> exit = attempt_exit_from(read_file(folder.exit(), exit_limit));
    if (exit.has_value() && exit->error != shim_lost) return *exit;
  } catch (const std::system_error&) {
    return std::nullopt;
  }
  return std::nullopt;
}

bool has_exit(const AttemptFolder& folder) {
  struct stat status {};
  return ::lstat(folder.exit().c_str(), &status) == 0;
}

/// What the shim was given: settings may have changed since. Nothing where it is spoilt.
std::optional<AttemptSpec> stored_spec(const AttemptFolder& folder) {
  try {
    const Checked<AttemptSpec> spec = attempt_spec_from(read_file(folder.spec(), spec_limit));
    if (spec.has_value()) return *spec;
  } catch (const std::system_error&) {
    return std::nullopt;
  }
  return std::nullopt;
}

/// How long ago a live process began, by the clock of its start time, which nobody can set.
std::int64_t age_ms(const ProcessIdentity& process) {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  const auto began_ms = static_cast<std::int64_t>(process.start_time) * 1000 / ::sysconf(_SC_CLK_TCK);
  return std::max<std::int64_t>(0, now.tv_sec * 1000 + now.tv_nsec / 1000000 - began_ms);
}

/// The log's size at the first stop, by us or by the shim, which stops at the deadline also while no daemon is there.
std::optional<std::uint64_t> first_stop(const std::optional<std::uint64_t>& ours,
                                        const std::optional<AttemptExit>& exit) {
  if (!exit || !exit->stop_log_bytes) return ours;
  return std::min(ours.value_or(*exit->stop_log_bytes), *exit->stop_log_bytes);
}

/// The loop of a recipe says by its status that the run which it ended stood still.
void take_standstill(Observation& seen) {
  constexpr int stood_still = 124;
  if (!seen.exit || seen.exit->cause != EndCause::exited || seen.exit->exit_code != stood_still) return;
  seen.ending = Stalled{"mid_run", seen.exit->duration_ms};
  seen.exit->cause = EndCause::stopped;
}

UniqueFd duplicate(const UniqueFd& file) {
  UniqueFd copy{::fcntl(file.get(), F_DUPFD_CLOEXEC, 0)};
  if (!copy) throw std::system_error{errno, std::generic_category(), "keep a run's log open"};
  return copy;
}

std::uint64_t size_of(int file) {
  struct stat status {};
  return file >= 0 && ::fstat(file, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

/// Where to look for the failure, the most telling first: only so many places are read of a long log.
std::vector<std::uint64_t> offsets_of(const std::vector<FaultSignal>& faults) {
  std::vector<std::uint64_t> offsets;
  for (std::size_t rank = 0; rank < fault_ranks; ++rank) {
    for (const FaultSignal& fault : faults)
      if (rank_of(fault) == rank) offsets.push_back(fault.offset);
  }
  return offsets;
}

void put(const Judgement& judgement, AttemptRow& row) {
  row.verdict = judgement.verdict;
  row.reason = judgement.reason;
  row.explanation = judgement.explanation;
  row.runs = judgement.runs;
  row.matched = judgement.matched;
  row.different = judgement.different;
  row.infrastructure = judgement.infrastructure;
  if (!judgement.match) return;
  row.match_grade = std::string{to_text(judgement.match->grade)};
  row.match_reasons = json_text(nlohmann::json(judgement.match->reasons));
}

// The status of a run that ended by itself and ran its test: 4 and 5 (pytest), 126 and 127 (a shell) say that it did
// not.
int own_status(const Observation& seen) {
  const bool by_itself = seen.exit && seen.exit->cause == EndCause::exited && seen.exit->exit_code;
  const int status = by_itself ? *seen.exit->exit_code : 0;
  const bool ran = status != 4 && status != 5 && status != 126 && status != 127;
  return ran ? status : 0;
}

}  // namespace

Attempt::Attempt(AttemptTools tools, AttemptOrder order, std::shared_ptr<const SignalRuleSet> rules)
    : tools_(std::move(tools)),
      order_(std::move(order)),
      rules_(std::move(rules)),
      folder_(order_.folder.attempt(order_.row.number)),
      spec_(spec_for(order_, tools_.settings, script_form(order_.folder), base_environment())),
      record_(tools_.executor, tools_.store, order_.row) {}

asio::awaitable<std::optional<AttemptResult>> Attempt::start() {
  LaunchSpec launch{ShimMode::run, folder_.root(), to_json_text(spec_)};
  Checked<ShimProcess> shim = co_await tools_.launcher.start(std::move(launch));
  failpoint("attempt.after_spawn");
  if (shim.has_error()) {
    const ShimState state = shim_state(folder_);
    const bool taken = shim.error().field == folder_.root().string() && state != ShimState::absent;
    // A shim that gives another reason has the folder itself, for as long as it writes that down.
    const bool silent = shim.error().field == "shim" && state == ShimState::running;
    if (taken || silent) co_return std::nullopt;
    if (state == ShimState::lost) co_await reap();  // killed for its silence
    co_return result_of(judge_refused(shim.error()), Observation{});
  }
  co_await record_.spawned();
  co_return co_await follow(&*shim, {}, std::nullopt);
}

asio::awaitable<AttemptResult> Attempt::take_up(ShimProcess* shim) {
  if (!record_.row().spawned_at_ms) co_await record_.spawned();
  if (const std::optional<AttemptSpec> stored = stored_spec(folder_)) {
    spec_.deadline_ms = stored->deadline_ms;
    spec_.slice = stored->slice;
    spec_.command = stored->command;
  }
  const auto read = [id = order_.row.id](Store& store) { return store.attempts.signals(id, 0, all_signals); };
  std::vector<LogSignalRow> stored = co_await tools_.store.read(read);
  std::optional<StopAsked> asked = co_await stored_stop(tools_.store, order_.row);
  co_return co_await follow(shim, std::move(stored), std::move(asked));
}

asio::awaitable<void> Attempt::reap() {
  LaunchSpec launch{ShimMode::reap, folder_.root(), ""};
  co_await tools_.launcher.call(std::move(launch), reap_limit);
}

RunLimits Attempt::limits(const ShimProcess* shim) const {
  RunLimits limits;
  limits.stalls = stall_limits(tools_.settings.stalls, spec_, order_.wanted.failure_type);
  // The loop in it goes on for minutes without anything new to say.
  if (order_.alone) limits.stalls.start_up_ms = limits.stalls.mid_run_ms = spec_.deadline_ms;
  limits.stop = tools_.settings.stop;
  limits.deadline_ms = spec_.deadline_ms;
  if (shim != nullptr) limits.spawned_ago_ms = age_ms(shim->identity());
  return limits;
}

template <class Live>
asio::awaitable<Ending> Attempt::follow_to_end(Live& live, ShimProcess* shim, LogTailer* tailer) {
  Ending ending = co_await live.follow(shim, tailer);
  record_.finish();
  co_return ending;
}

asio::awaitable<AttemptResult> Attempt::follow(ShimProcess* shim, std::vector<LogSignalRow> stored,
                                               std::optional<StopAsked> asked) {
  if (spec_.slice) co_return co_await follow_slice(shim);
  const std::shared_ptr<LogWatch> watch = tools_.watch;  // to outlive the tailer
  const UniqueFd log = open_run_log(spec_.log);
  std::optional<LogTailer> tailer;
  if (log) tailer.emplace(tools_.executor, *watch, duplicate(log), spec_.log, 0);
  RunScan scan{rules_};
  scan.recall(stored, order_.row.iterations, std::min(order_.row.log_offset, size_of(log.get())));
  LiveRun live{tools_.executor, limits(shim), log.get(), record_, scan};
  live.recall(stored, std::move(asked));
  const Registered registered{tools_.live, order_.row.id, [&live] { live.cancel(); }};
  LogTailer* reader = tailer ? &*tailer : nullptr;
  Observation seen;
  seen.ending = co_await (follow_to_end(live, shim, reader) && record_.keep());
  // Whoever holds the lock now: the run may have taken it when its shim was gone.
  if (!has_exit(folder_)) co_await reap();
  seen.exit = read_exit(folder_);
  seen.stopped_at = first_stop(live.stopped_at(), seen.exit);
  seen.faults = scan.faults();
  seen.began = scan.began();
  if (order_.alone) take_standstill(seen);
  co_await read_failure(seen, log.get());
  const bool has_trace = seen.exit || log;
  AttemptResult result = result_of(has_trace ? judge(seen) : judge_not_started(), seen);
  if (order_.alone) tell_place(result.row);
  result.row.iterations = scan.iterations();
  result.row.log_bytes = size_of(log.get());
  co_return result;
}

/// The runs that a lost loop had not appended yet.
asio::awaitable<void> Attempt::read_recovered(LiveSlice& live, const LogTailer& read, const UniqueFd& log) {
  LogTailer rest{tools_.executor, *tools_.watch, duplicate(log), spec_.log, read.offset()};
  co_await live.read_rest(rest);
}

asio::awaitable<AttemptResult> Attempt::follow_slice(ShimProcess* shim) {
  const std::shared_ptr<LogWatch> watch = tools_.watch;  // to outlive the tailer
  const UniqueFd log = open_run_log(spec_.log);
  std::optional<LogTailer> tailer;
  if (log) tailer.emplace(tools_.executor, *watch, duplicate(log), spec_.log, 0);
  SliceWatch held{rules_, order_.wanted, "logs/" + spec_.log.filename().string(), log.get(), spec_.deadline_ms};
  if (shim != nullptr) held.spawned_ago_ms = age_ms(shim->identity());
  held.run_limit_ms = spec_.slice->run_limit_ms;
  held.enough_matches = order_.slice ? order_.slice->enough_matches : 0;
  LiveSlice live{tools_.executor, std::move(held), record_, tools_.reader};
  const Registered registered{tools_.live, order_.row.id, [&live] { live.cancel(); }};
  SliceObservation seen;
  LogTailer* reader = tailer ? &*tailer : nullptr;
  seen.ending = co_await (follow_to_end(live, shim, reader) && record_.keep());
  if (!has_exit(folder_)) {
    co_await reap();
    if (tailer) co_await read_recovered(live, *tailer, log);
  }
  seen.exit = read_exit(folder_);
  seen.sum = live.sum();
  seen.failures = live.failures();
  Observation first;
  first.exit = seen.exit;
  first.seen = live.seen();
  Judgement judgement = seen.exit || log ? judge_slice(seen) : judge_not_started();
  if (!seen.failures.empty()) judgement.match = live.match();
  AttemptResult result = result_of(judgement, first);
  result.row.exit_code.reset();  // the loop's own
  result.row.term_signal.reset();
  result.row.iterations = judgement.runs;
  result.row.log_bytes = size_of(log.get());
  result.row.slice_json = progress_json(seen.sum);
  result.failures = std::move(seen.failures);
  co_return result;
}

/// What a run in place shows need not be true of a copy.
void Attempt::tell_place(AttemptRow& row) const {
  if (spec_.command.front() != order_.folder.run_script()) return;
  const std::string why = why_in_place(order_.folder).value_or("no copy could be made when it began");
  if (row.reason.empty()) row.reason = in_place;
  row.explanation.append(row.explanation.empty() ? "" : "; ").append("it ran in place: ").append(why);
}

asio::awaitable<void> Attempt::read_failure(Observation& seen, int log) {
  seen.wanted = order_.wanted;
  seen.uses_board = order_.uses_board;
  if (log >= 0) {
    const std::string name = "logs/" + spec_.log.filename().string();
    FailureReading reading = co_await tools_.reader.read(log, name, offsets_of(seen.faults), own_status(seen));
    seen.seen = std::move(reading.seen);
    seen.error_offset = reading.error_offset;
  }
  if (seen.seen.failure_type == FailureType::none && seen.exit)
    seen.seen = failure_of_death(*seen.exit).value_or(Signature{});
  if (seen.seen.failure_type != FailureType::none) seen.match = match(seen.wanted, seen.seen);
}

AttemptResult Attempt::result_of(const Judgement& judgement, const Observation& seen) const {
  AttemptResult result;
  AttemptRow& row = result.row;
  row = record_.row();
  put(judgement, row);
  row.ended_at_ms = wall_ms();
  if (seen.seen.failure_type != FailureType::none) row.failure_json = to_json_text(seen.seen);
  if (seen.exit) {
    row.exit_code = seen.exit->exit_code;
    row.term_signal = seen.exit->term_signal;
    row.exposure_ms = seen.exit->duration_ms;
  } else if (row.spawned_at_ms) {
    row.exposure_ms = std::max<std::int64_t>(0, *row.ended_at_ms - *row.spawned_at_ms);
  }
  result.board_suspect = judgement.board_suspect;
  return result;
}

}  // namespace ndr
