#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "analyzer/evidence/log_signal.hpp"
#include "analyzer/evidence/signature.hpp"
#include "storage/attempt_folder.hpp"
#include "storage/records.hpp"

namespace ndr {

// What ended the wait for a run; the first that came.
struct Exited {};  // by itself, by its shim's limits, or its shim is lost
struct SignalSeen {
  std::string rule;
};
struct Stalled {
  std::string phase;  // start_up, mid_run, shut_down, no_progress
  std::int64_t silent_ms = 0;
};
struct OutOfTime {};  // the daemon's own guard: the shim did not keep to the deadline
struct Cancelled {};
using Ending = std::variant<Exited, SignalSeen, Stalled, OutOfTime, Cancelled>;

/// A log signal that says what went wrong.
struct FaultSignal {
  std::string rule;
  SignalClass signal_class = SignalClass::exception;
  std::uint64_t offset = 0;  // of its line in the log
  std::int64_t seen_at_ms = 0;
  std::string worker;                  // gw3; empty outside xdist
  Reaction reaction = Reaction::none;  // of its rule; none: a healthy run may print it too
  std::string text{};                  // the begin of its line, for people
};

bool is_fault(SignalClass signal_class);

/// What to look at first: 0 says what went wrong, 1 is an exception that nobody expects, 2 one that a healthy run may
/// print by the thousand.
inline constexpr std::size_t fault_ranks = 3;
std::size_t rank_of(const FaultSignal& fault);

/// All that is known of a run that is over.
struct Observation {
  Ending ending;
  std::optional<AttemptExit> exit;          // nothing: the shim is gone and left none
  std::optional<std::uint64_t> stopped_at;  // the log's size when it was first asked to stop
  std::vector<FaultSignal> faults;          // by offset
  Signature wanted;
  Signature seen;                             // type none: the log shows no failure
  std::optional<std::uint64_t> error_offset;  // of the line that says what failed, where that is known
  Match match;                                // of wanted and seen
  bool began = false;                         // a test began or an iteration ended: it was set up
  bool uses_board = false;
};

/// The run could be judged: it counts in the screen and in a rate. The others say nothing of the failure.
bool is_answer(Verdict verdict);

/// "assertion, AssertionError: lost 3 entries (tests/ledger.py)": what a failure is, for people.
std::string failure_text(const Signature& failure);

/// How an attempt of one run ended. `reason` is one of: "" · exec · nothing_to_test · contention · workers_together
/// · board_broken · oom · killed · log_limit · log · shim · start_up · mid_run · shut_down · no_progress · deadline ·
/// shim_lost · not_started · stopped · same_class · other_failure · unrecognised · infra.
struct Judgement {
  Verdict verdict = Verdict::lost;
  std::string reason;
  std::string explanation;     // one line for people
  std::optional<Match> match;  // where a failure was seen
  int runs = 1;
  int matched = 0;
  int different = 0;       // failed, but not as wanted
  int infrastructure = 0;  // proves nothing either way: left out of every rate
  bool board_suspect = false;
};

/// The one place where an attempt is judged. The first fault wins; what came after the run was asked to stop is
/// fallout of the stop. Only a counting match makes `reproduced`, whatever the exit status; contention makes none
/// unless it is what is wanted. A run cut short by its limits that had not failed until then is `timed_out`.
Judgement judge(const Observation& seen);

/// The shim could not start the run.
Judgement judge_refused(const Refusal& refusal);

/// A stored intent of which no trace is in the world, and one whose run vanished with its shim.
Judgement judge_not_started();

/// What the death of the command says when the log says nothing: a crash with the signal's name, also behind a
/// shell (128 + N). Nothing for a command that ended by itself.
std::optional<Signature> failure_of_death(const AttemptExit& exit);

}  // namespace ndr
