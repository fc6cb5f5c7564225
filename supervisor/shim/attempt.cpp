#include "supervisor/shim/attempt.hpp"

#include <csignal>
#include <system_error>

#include "supervisor/clock.hpp"
#include "supervisor/shim/run_log.hpp"
#include "supervisor/shim/slice_frames.hpp"
#include "supervisor/shim/standard_fds.hpp"
#include "supervisor/shim/start_command.hpp"
#include "supervisor/shim/supervision.hpp"

namespace ndr {
namespace {

constexpr std::uint64_t exit_room = 16384;

AttemptExit not_started(const Refusal& why, std::int64_t at_ms, ReadyLine& ready) {
  complain(why);
  ready.failed(why);
  AttemptExit exit;
  exit.cause = EndCause::spawn_failed;
  exit.error = to_text(why);
  exit.started_at_ms = at_ms;
  return exit;
}

}  // namespace

Checked<Attempt> Attempt::take(const ShimOptions& options, const AttemptSpec& spec, const ProcessIdentity& shim) {
  Attempt attempt{options, spec, shim};
  // Made first, so that its place is on record before anything can be in it.
  if (options.use_cgroup) attempt.cgroup_ = OwnCgroup::make(spec.case_name, spec.number);
  const ShimRecord record{shim, attempt.cgroup_ ? attempt.cgroup_->path() : std::filesystem::path{}, {}};
  Checked<FolderClaim> claim = FolderClaim::take(attempt.folder_, record);
  if (claim.has_error()) {
    if (attempt.cgroup_) attempt.cgroup_->remove();
    return claim.error();
  }
  attempt.claim_ = std::move(claim.value());
  return attempt;
}

EndCause Attempt::perform(ReadyLine& ready, bool spec_is_new) {
  const AttemptExit exit = run(ready, spec_is_new);
  write_exit(exit);
  if (cgroup_) cgroup_->remove();
  control_.reset();
  return exit.cause;
}

AttemptExit Attempt::run(ReadyLine& ready, bool spec_is_new) {
  const std::int64_t began_at_ms = wall_ms();
  try {
    SignalFd signals;
    // It matters for a run that is on record: durable with exit.json, which is in the same folder.
    if (spec_is_new) write_file_atomically(folder_.spec(), to_json_text(spec_), 0640, Durability::later);
    exit_file_.emplace(folder_.reserve(), exit_room);  // the run may fill the disk
    control_ = std::make_unique<ControlFifo>(folder_.control());
    const Checked<UniqueFd> log = create_log(spec_.log);
    if (log.has_error()) return not_started(log.error(), began_at_ms, ready);
    const std::int64_t started_at_ms = wall_ms();
    const Checked<int> leader = start(log.value());
    if (leader.has_error()) return not_started(leader.error(), started_at_ms, ready);
    ready.running(shim_, leader.value());
    AttemptExit exit = hold(leader.value(), log.value(), signals);
    if (spec_.slice && recover_runs(folder_.runs(), spec_.log))
      exit.log_bytes = LogLimit{log.value().get(), 0}.log_bytes();
    exit.started_at_ms = started_at_ms;
    return exit;
  } catch (const std::system_error& broken) {
    // Nobody would hold a command that was started already.
    for (const ProcessStat& process : live_descendants(::getpid()))
      signal_process(process, SIGKILL);
    return not_started(Refusal{folder_.root().string(), broken.what(), ""}, began_at_ms, ready);
  }
}

Checked<int> Attempt::start(const UniqueFd& log) {
  CommandStart command;
  command.command = spec_.command;
  // The loop of a slice is a command like any other: held, limited and ended in the same way.
  if (spec_.slice) command.command = {std::filesystem::read_symlink("/proc/self/exe"), "slice", folder_.root()};
  command.working_folder = spec_.working_folder;
  command.environment = spec_.environment;
  command.output = log.get();
  command.cgroup = cgroup_ ? &*cgroup_ : nullptr;
  const Checked<StartedCommand> started = start_command(command);
  if (started.has_error()) return started.error();
  if (cgroup_ && !started.value().in_cgroup) {
    cgroup_->remove();
    cgroup_.reset();
  }
  const auto stat = process_stat(started.value().pid);  // there, if only as a zombie, until we reap it
  if (stat) claim_->add_run({shim_.boot_id, stat->pid, stat->start_time});
  return started.value().pid;
}

AttemptExit Attempt::hold(int leader, const UniqueFd& log, SignalFd& signals) {
  Supervised what;
  what.leader = leader;
  what.cgroup = cgroup_ ? &*cgroup_ : nullptr;
  what.control = control_.get();
  what.ladder = spec_.ladder;
  what.deadline_ms = spec_.deadline_ms;
  what.log_limit_bytes = spec_.log_limit_bytes;
  what.log = log.get();
  what.heeds_requests = options_.task == ShimTask::run;
  return Supervision{what, signals}.until_over();
}

void Attempt::write_exit(const AttemptExit& exit) {
  if (!exit_file_) return write_file_atomically(folder_.exit(), to_json_text(exit), 0640);
  exit_file_->publish(folder_.exit().filename().string(), to_json_text(exit), 0640);
}

}  // namespace ndr
