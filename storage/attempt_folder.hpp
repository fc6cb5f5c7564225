#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/refusal.hpp"
#include "storage/process_identity.hpp"

namespace ndr {

/// How a run is stopped: SIGINT, wait, SIGTERM, wait, kill of the whole tree. Milliseconds; 0 skips the step.
struct StopLadder {
  std::int64_t interrupt_ms = 5000;
  std::int64_t terminate_ms = 5000;
  bool operator==(const StopLadder&) const = default;
};

/// Many short runs in one attempt: the shim loops the command with `copies` at a time, each run in a fresh folder below
/// runs/, its output in a file of its own until it is known whether it is kept (slice_log.hpp).
struct SliceSpec {
  int copies = 1;
  std::int64_t duration_ms = 1000;      // no run begins later; at least one does
  std::int64_t runs = 0;                // at most; 0: as many as fit
  std::int64_t run_limit_ms = 1000;     // of a run that stands still; one that works has ten times as long
  bool own_folders = true;              // a run begins in its fresh folder, else in the working folder
  int shared_copies = 0;                // so many of the copies share one TMPDIR
  std::int64_t most_kept = 100;         // failing runs; then the slice ends
  std::filesystem::path noise_library;  // of the arm; empty: none is there
  std::filesystem::path hold_program;
  bool operator==(const SliceSpec&) const = default;
};

/// One supervised execution, self-contained so that it can be run on another host too (spec.json).
struct AttemptSpec {
  int version = 1;
  std::string case_name;
  int number = 0;                    // N of logs/run_N.log
  std::vector<std::string> command;  // argv; [0] is an absolute path
  std::filesystem::path working_folder;
  std::vector<std::pair<std::string, std::string>> environment;  // exactly what the run gets
  std::filesystem::path log;                                     // created with O_EXCL|O_NOFOLLOW|O_APPEND
  std::int64_t deadline_ms = 300000;                             // from the spawn; the shim enforces it, daemon or not
  StopLadder ladder;  // used at the deadline and for a stop without one of its own
  std::uint64_t log_limit_bytes = 2ull << 30;
  std::string arm;         // which amplification, for the record
  std::string parameters;  // JSON text
  std::uint64_t seed = 0;
  std::vector<std::string> literals;  // of the signature
  std::optional<SliceSpec> slice;     // none: one run
  bool operator==(const AttemptSpec&) const = default;
};

/// Why a run ended, as the shim saw it.
enum class EndCause { exited, stopped, deadline, log_limit, spawn_failed };

std::string_view to_text(EndCause cause);
std::optional<EndCause> end_cause_from(std::string_view text);

/// exit.json: written once, atomically, when no descendant is left.
struct AttemptExit {
  int version = 1;
  EndCause cause = EndCause::exited;
  std::optional<int> exit_code;    // of the command, when it exited
  std::optional<int> term_signal;  // number, when a signal ended it
  bool core_dumped = false;
  std::string error;               // spawn_failed: what failed, with errno's text; else what could not be done
  std::int64_t started_at_ms = 0;  // wall clock, Unix epoch
  std::int64_t duration_ms = 0;    // monotonic, spawn to the command's exit
  std::int64_t stop_ms = 0;        // first stop step to the last descendant gone; 0 when never stopped
  int leftovers = 0;               // descendants still alive when the command ended
  int killed = 0;                  // processes, the command too, that were still alive when SIGKILL was sent
  int unkillable = 0;              // still there 2 s after SIGKILL (state D)
  std::uint64_t log_bytes = 0;
  std::optional<std::uint64_t> stop_log_bytes;  // of the log at the first stop: what follows is fallout
  std::uint64_t oom_kills = 0;                  // of the run's own cgroup, where that is counted
  bool operator==(const AttemptExit&) const = default;
};

/// Every path inside one attempt's folder (or one reset's: the same shape) is spelled here.
class AttemptFolder {
public:
  explicit AttemptFolder(std::filesystem::path root) : root_(std::move(root)) {}
  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path spec() const { return root_ / "spec.json"; }
  std::filesystem::path lock() const { return root_ / "shim.lock"; }   // flock'd by the shim; holds its identity
  std::filesystem::path control() const { return root_ / "control"; }  // FIFO: one line per request
  std::filesystem::path exit() const { return root_ / "exit.json"; }
  std::filesystem::path output() const { return root_ / "output.log"; }      // the reset's, a run's goes to spec.log
  std::filesystem::path runs() const { return root_ / "runs"; }              // of a slice
  std::filesystem::path reserve() const { return root_ / ".exit.reserve"; }  // of exit.json, while it runs

private:
  std::filesystem::path root_;
};

/// What the folder says of its shim.
enum class ShimState { absent, running, ended, lost };

/// absent: no shim has taken the folder (it may not even exist) · running: shim.lock is held · ended: not
/// held, and exit.json is there · lost: shim.lock is there, nobody holds it, and there is no exit.json.
/// shim.lock appears held: there is no moment between its creation and its lock.
ShimState shim_state(const AttemptFolder& folder);

/// What shim.lock says, a line each; what came later than the reader saw is empty.
struct ShimRecord {
  ProcessIdentity shim;                // who took the folder
  std::filesystem::path cgroup;        // the run's own, empty without one
  std::optional<ProcessIdentity> run;  // leader of the run's process group, once it was spawned
  bool operator==(const ShimRecord&) const = default;
};
std::string to_text(const ShimRecord& record);
std::optional<ShimRecord> shim_record_from(std::string_view text);

/// Of this folder; nothing where it cannot be read.
std::optional<ShimRecord> shim_record(const AttemptFolder& folder);
/// The identity in shim.lock, nothing where it cannot be read.
std::optional<ProcessIdentity> shim_identity(const AttemptFolder& folder);

/// JSON forms: an object with the members' names, all of them but `stop_log_bytes` and `slice`, which may be missing;
/// `environment` is an array of "NAME=value", as for exec. Bytes that are not UTF-8 are replaced in writing. Reading
/// refuses (field = JSON pointer) whatever is not exactly of this shape.
std::string to_json_text(const AttemptSpec& spec);
std::string to_json_text(const AttemptExit& exit);
Checked<AttemptSpec> attempt_spec_from(std::string_view json);
Checked<AttemptExit> attempt_exit_from(std::string_view json);

/// A line of the control FIFO: `stop INTERRUPT_MS TERMINATE_MS\n`.
std::string stop_request(const StopLadder& ladder);
std::optional<StopLadder> stop_request_from(std::string_view line);

}  // namespace ndr
