#pragma once
#include <memory>
#include <optional>

#include "storage/atomic_file.hpp"
#include "storage/attempt_folder.hpp"
#include "supervisor/shim/event_fds.hpp"
#include "supervisor/shim/folder_claim.hpp"
#include "supervisor/shim/options.hpp"
#include "supervisor/shim/own_cgroup.hpp"
#include "supervisor/shim/ready_line.hpp"

namespace ndr {

/// One attempt or reset in a folder that is ours, from its log to its exit.json.
class Attempt {
public:
  /// Takes the folder. Refuses one that was taken before.
  static Checked<Attempt> take(const ShimOptions& options, const AttemptSpec& spec, const ProcessIdentity& shim);

  /// Returns when no process of the run is left and exit.json says how it ended.
  EndCause perform(ReadyLine& ready, bool spec_is_new);

private:
  Attempt(const ShimOptions& options, const AttemptSpec& spec, const ProcessIdentity& shim)
      : options_(options), spec_(spec), shim_(shim), folder_(options.folder) {}

  AttemptExit run(ReadyLine& ready, bool spec_is_new);
  Checked<int> start(const UniqueFd& log);
  AttemptExit hold(int leader, const UniqueFd& log, SignalFd& signals);
  void write_exit(const AttemptExit& exit);

  ShimOptions options_;
  AttemptSpec spec_;
  ProcessIdentity shim_;
  AttemptFolder folder_;
  std::optional<FolderClaim> claim_;
  std::optional<ReservedFile> exit_file_;
  std::optional<OwnCgroup> cgroup_;
  std::unique_ptr<ControlFifo> control_;
};

}  // namespace ndr
