#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <csignal>
#include <set>
#include <system_error>

#include "storage/atomic_file.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/shim/folder_claim.hpp"
#include "supervisor/shim/own_cgroup.hpp"
#include "supervisor/shim/process_tree.hpp"
#include "supervisor/shim/slice_frames.hpp"
#include "supervisor/shim/standard_fds.hpp"
#include "supervisor/shim/survivors.hpp"
#include "supervisor/shim/tasks.hpp"

namespace ndr {
namespace {

constexpr std::int64_t kill_limit_ms = 2000;
constexpr std::int64_t look_again_ms = 20;  // a survivor may fork while it is being killed

/// What is left of one lost run.
class Remains {
public:
  Remains(const AttemptFolder& folder, const ShimRecord& record) : record_(record) {
    if (record.shim.boot_id != kernel_boot_id()) return;  // nothing lives over a reboot
    same_boot_ = true;
    if (!record.cgroup.empty()) cgroup_ = OwnCgroup::open(record.cgroup, record.shim.pid);
    log_ = file_id(log_of(folder));
  }

  /// Kills until nothing is left or the limit is over.
  void kill_all(AttemptExit& exit) {
    const std::int64_t limit = steady_ms() + kill_limit_ms;
    std::vector<ProcessStat> left = survivors();
    while ((!left.empty() || populated()) && steady_ms() < limit) {
      if (cgroup_) cgroup_->kill();
      for (const ProcessStat& process : left) {
        signal_process(process, SIGKILL);
        killed_.emplace(process.pid, process.start_time);
      }
      wait_for_end(left);
      left = survivors();
    }
    exit.killed = static_cast<int>(killed_.size());
    exit.unkillable = static_cast<int>(left.size());
    if (cgroup_) cgroup_->remove();
  }

  static std::filesystem::path log_of(const AttemptFolder& folder) {
    try {
      const auto spec = attempt_spec_from(read_file(folder.spec()));
      if (spec.has_value()) return spec.value().log;
    } catch (const std::system_error&) {
      return {};  // it was lost before it had a spec
    }
    return {};
  }

private:
  std::vector<ProcessStat> survivors() const {
    if (!same_boot_) return {};
    std::set<int> in_cgroup;
    if (cgroup_) {
      for (const int pid : cgroup_->pids())
        in_cgroup.insert(pid);
    }
    return survivors_of(record_, all_processes(), [&](int pid) {
      if (pid == ::getpid()) return false;
      return in_cgroup.contains(pid) || (log_ && is_log_writer(pid, *log_));
    });
  }
  bool populated() const { return cgroup_ && cgroup_->populated(); }
  void wait_for_end(const std::vector<ProcessStat>& left) const {
    const UniqueFd first{left.empty() ? -1 : static_cast<int>(::syscall(SYS_pidfd_open, left.front().pid, 0))};
    std::array<pollfd, 2> ends{{{first.get(), POLLIN, 0}, {cgroup_ ? cgroup_->events() : -1, POLLPRI, 0}}};
    ::poll(ends.data(), ends.size(), static_cast<int>(look_again_ms));
  }

  ShimRecord record_;
  bool same_boot_ = false;
  std::optional<OwnCgroup> cgroup_;
  std::optional<FileId> log_;
  std::set<std::pair<int, std::uint64_t>> killed_;
};

std::uint64_t size_of(const std::filesystem::path& file) {
  struct stat status {};
  const bool regular = ::lstat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode);
  return regular ? static_cast<std::uint64_t>(status.st_size) : 0;
}

bool has_ended(const AttemptFolder& folder) {
  struct stat status {};
  return ::lstat(folder.exit().c_str(), &status) == 0;
}

/// A folder that no shim has taken is taken by us, so that a shim which still comes up finds it taken.
Checked<FolderClaim> claim_for_reaping(const AttemptFolder& folder) {
  struct stat status {};
  if (::lstat(folder.lock().c_str(), &status) == 0) return FolderClaim::take_over(folder);
  const std::optional<ProcessIdentity> self = process_identity(::getpid());
  Checked<FolderClaim> claim = FolderClaim::take(folder, ShimRecord{self.value(), {}, {}});
  if (claim.has_error() && ::lstat(folder.lock().c_str(), &status) == 0) return FolderClaim::take_over(folder);
  return claim;
}

}  // namespace

int reap(const ShimOptions& options) {
  const AttemptFolder folder{options.folder};
  const ShimRecord unreadable{{kernel_boot_id(), 0, 0}, {}, {}};  // then only what still writes the log is found
  const ShimRecord record = shim_record(folder).value_or(unreadable);
  AttemptExit exit;
  exit.cause = EndCause::stopped;
  exit.error = "shim lost";
  Remains remains{folder, record};
  Checked<FolderClaim> claim = claim_for_reaping(folder);
  if (claim.has_error() && !has_ended(folder) && process_identity(record.shim.pid) != record.shim) {
    // What is left of the run has taken the lock, or has spoilt the record of its shim, which writes the log as well.
    remains.kill_all(exit);
    claim = claim_for_reaping(folder);
  }
  if (claim.has_error()) {
    complain(claim.error());
    return 2;
  }
  if (has_ended(folder)) return 0;  // nothing is left of it
  remains.kill_all(exit);
  recover_runs(folder.runs(), Remains::log_of(folder));
  exit.log_bytes = size_of(Remains::log_of(folder));
  ::unlink(folder.reserve().c_str());
  write_file_atomically(folder.exit(), to_json_text(exit), 0640);
  ::unlink(folder.control().c_str());
  return 0;
}

}  // namespace ndr
