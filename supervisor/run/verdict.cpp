#include "supervisor/run/verdict.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/clock.hpp"

namespace ndr {
namespace {

constexpr std::int64_t together_ms = 2000;  // several workers failing within this suggest contention

struct NamedSignal {
  int number;
  const char* name;
};
constexpr std::array named_signals{NamedSignal{SIGSEGV, "SIGSEGV"}, NamedSignal{SIGABRT, "SIGABRT"},
                                   NamedSignal{SIGBUS, "SIGBUS"},   NamedSignal{SIGFPE, "SIGFPE"},
                                   NamedSignal{SIGILL, "SIGILL"},   NamedSignal{SIGTRAP, "SIGTRAP"},
                                   NamedSignal{SIGSYS, "SIGSYS"},   NamedSignal{SIGKILL, "SIGKILL"}};

/// The signal that ended the command, directly or below a shell; 0 for none.
int deadly_signal(const AttemptExit& exit) {
  if (exit.term_signal) return *exit.term_signal;
  if (exit.exit_code && *exit.exit_code > 128 && *exit.exit_code <= 128 + 64) return *exit.exit_code - 128;
  return 0;
}

bool is_stalled(const Observation& seen) { return std::holds_alternative<Stalled>(seen.ending); }
bool is_cancelled(const Observation& seen) { return std::holds_alternative<Cancelled>(seen.ending); }
bool is_late(const Observation& seen) {
  return std::holds_alternative<OutOfTime>(seen.ending) || (seen.exit && seen.exit->cause == EndCause::deadline);
}
/// It may have ended by itself in the moment when it was to be stopped: then its own end counts.
bool ended_by_itself(const Observation& seen) { return seen.exit && seen.exit->cause == EndCause::exited; }

bool before_stop(const Observation& seen, std::uint64_t offset) {
  return !seen.stopped_at || offset < *seen.stopped_at;
}

/// The first that nobody expects: what a healthy run may print too has no reaction.
const FaultSignal* first_fault(const Observation& seen) {
  const auto found = std::find_if(seen.faults.begin(), seen.faults.end(),
                                  [](const FaultSignal& fault) { return fault.reaction != Reaction::none; });
  return found == seen.faults.end() || !before_stop(seen, found->offset) ? nullptr : &*found;
}

/// The first that is no mere exception text: those may be expected, and accompany all others.
const FaultSignal* first_grave_fault(const Observation& seen) {
  const auto found = std::find_if(seen.faults.begin(), seen.faults.end(), [](const FaultSignal& fault) {
    return fault.signal_class != SignalClass::exception;
  });
  return found == seen.faults.end() || !before_stop(seen, found->offset) ? nullptr : &*found;
}

bool has_fault(const Observation& seen, SignalClass signal_class) {
  return std::any_of(seen.faults.begin(), seen.faults.end(), [&](const FaultSignal& fault) {
    return fault.signal_class == signal_class && before_stop(seen, fault.offset);
  });
}

/// pytest prints the failures of a stopped session at its end, so the failure's own place in the log does not
/// decide alone: a fault that nobody expects does as well, when it was seen before the stop.
bool failed_before_stop(const Observation& seen) {
  if (seen.seen.failure_type == FailureType::none) return false;
  if (!seen.stopped_at || first_fault(seen) != nullptr) return true;
  return seen.error_offset && before_stop(seen, *seen.error_offset);
}

/// Somebody else had the board before the failure was there (or at an unknown place).
bool contention_came_first(const Observation& seen) {
  if (seen.wanted.failure_type == FailureType::device_contention) return false;
  if (seen.seen.failure_type == FailureType::device_contention && failed_before_stop(seen)) return true;
  const auto found = std::find_if(seen.faults.begin(), seen.faults.end(), [](const FaultSignal& fault) {
    return fault.signal_class == SignalClass::contention;
  });
  if (found == seen.faults.end() || !before_stop(seen, found->offset)) return false;
  const bool wanted_came_first = seen.match.counts() && seen.error_offset && *seen.error_offset < found->offset;
  return !wanted_came_first;
}

bool workers_failed_together(const Observation& seen) {
  const FaultSignal* first = nullptr;
  for (const FaultSignal& fault : seen.faults) {
    if (fault.worker.empty() || !before_stop(seen, fault.offset)) continue;
    if (first == nullptr) first = &fault;
    if (fault.worker != first->worker && fault.seen_at_ms - first->seen_at_ms <= together_ms) return true;
  }
  return false;
}

/// Dirty until reset: a device fault, or a process that could not leave the device in order.
bool is_board_suspect(const Observation& seen) {
  if (!seen.uses_board) return false;
  const auto touches_board = [](const FaultSignal& fault) {
    switch (fault.signal_class) {
      case SignalClass::device_timeout:
      case SignalClass::contention:
      case SignalClass::board_broken:
      case SignalClass::crash:
      case SignalClass::test_timeout:
      case SignalClass::worker_down:
        return true;
      default:
        return false;
    }
  };
  if (std::any_of(seen.faults.begin(), seen.faults.end(), touches_board)) return true;
  const FailureType type = seen.seen.failure_type;
  if (type == FailureType::device_timeout || type == FailureType::device_contention || type == FailureType::hang)
    return true;
  if (!seen.exit || is_stalled(seen) || is_late(seen) || workers_failed_together(seen)) return true;
  const AttemptExit& exit = *seen.exit;
  return exit.killed > 0 || exit.unkillable > 0 || exit.leftovers > 0 || deadly_signal(exit) != 0;
}

Judgement say(Verdict verdict, std::string reason, std::string explanation) {
  Judgement judgement;
  judgement.verdict = verdict;
  judgement.reason = std::move(reason);
  judgement.explanation = std::move(explanation);
  judgement.matched = verdict == Verdict::reproduced;
  judgement.different = verdict == Verdict::different_failure || verdict == Verdict::hang;
  judgement.infrastructure = verdict == Verdict::contention || verdict == Verdict::setup_error ||
                             verdict == Verdict::infrastructure || verdict == Verdict::cancelled ||
                             verdict == Verdict::lost;
  return judgement;
}

std::string status_text(const AttemptExit& exit) {
  if (exit.term_signal) return "ended by signal " + std::to_string(*exit.term_signal);
  return exit.exit_code ? "exit status " + std::to_string(*exit.exit_code) : "no exit status";
}

Judgement reproduced(const Observation& seen) {
  std::string text = "failed as in CI (" + std::string{to_text(seen.match.grade)} + "): " + failure_text(seen.seen);
  if (!seen.exit) return say(Verdict::reproduced, "shim_lost", text + "; its shim was lost");
  if (seen.exit->exit_code == 0) text += "; the exit status was 0 all the same";
  return say(Verdict::reproduced, "", std::move(text));
}

Judgement different(const Observation& seen) {
  const bool together = seen.uses_board && workers_failed_together(seen);
  if (seen.match.grade == MatchGrade::same_class)
    return say(Verdict::different_failure, together ? "workers_together" : "same_class",
               "the same type of failure at another place: " + failure_text(seen.seen));
  return say(Verdict::different_failure, together ? "workers_together" : "other_failure",
             "another failure than in CI: " + failure_text(seen.seen));
}

/// CI hung without a word too: the place of such a hang is the test that it was in.
bool is_wanted_hang(const Observation& seen, const Stalled& stall) {
  const FailureType wanted = seen.wanted.failure_type;
  if (wanted != FailureType::hang && wanted != FailureType::test_timeout) return false;
  if (seen.wanted.test_name.empty()) return true;
  if (stall.phase == "start_up") return false;
  return seen.seen.test_name.empty() || seen.seen.test_name == seen.wanted.test_name;
}

Judgement hung(const Observation& seen, const Stalled& stall) {
  const std::string text = stall.phase == "no_progress"
                               ? "output without any progress for " + seconds_text(stall.silent_ms)
                               : "no output and no progress for " + seconds_text(stall.silent_ms);
  if (!is_wanted_hang(seen, stall)) return say(Verdict::hang, stall.phase, text);
  Judgement judgement = say(Verdict::reproduced, stall.phase, "hung as in CI: " + text);
  const std::string where = seen.wanted.test_name.empty() ? "no test is named" : "in " + seen.wanted.test_name;
  const std::string type = seen.wanted.failure_type == FailureType::hang
                               ? "failure_type: hang = hang"
                               : "failure_type: test_timeout, ended here by our own limit of " +
                                     seconds_text(stall.silent_ms) + " without progress";
  judgement.match = Match{MatchGrade::same_site, {type, "test: " + where}};
  return judgement;
}

/// A hang outranks what CI triage ranks below it, and what is not the wanted failure may be noise of a run that
/// then hung as wanted. Else the first fault is the cause and the silence after it its fallout.
bool hang_counts(const Observation& seen, const Stalled& stall) {
  return !failed_before_stop(seen) || is_wanted_hang(seen, stall);
}

/// The lines that say so, one of each rule: that nothing was collected often comes before the line that says why.
std::string setup_text(const Observation& seen) {
  std::vector<std::string_view> told;
  std::string text;
  for (const FaultSignal& fault : seen.faults) {
    if (fault.signal_class != SignalClass::setup_error) continue;
    if (std::find(told.begin(), told.end(), fault.rule) != told.end()) continue;
    told.push_back(fault.rule);
    text += (text.empty() ? "" : "; ") + (fault.text.empty() ? fault.rule : fault.text + " (" + fault.rule + ")");
  }
  return text;
}

/// Nothing was tested, and not for a fault of the test.
std::optional<Judgement> setup_error(const Observation& seen) {
  if (seen.began) return std::nullopt;
  const FaultSignal* grave = first_grave_fault(seen);
  if (grave != nullptr && grave->signal_class == SignalClass::setup_error)
    return say(Verdict::setup_error, "nothing_to_test", "nothing could be tested: " + setup_text(seen));
  if (grave != nullptr || seen.seen.failure_type != FailureType::none || !ended_by_itself(seen)) return std::nullopt;
  switch (seen.exit->exit_code.value_or(0)) {
    case 4:
      return say(Verdict::setup_error, "nothing_to_test",
                 "exit status 4: pytest refused its arguments, or run_test.sh lacks something");
    case 5:
      return say(Verdict::setup_error, "nothing_to_test", "exit status 5: pytest collected nothing");
    case 126:
      return say(Verdict::setup_error, "exec", "exit status 126: a program may not be executed");
    case 127:
      return say(Verdict::setup_error, "exec", "exit status 127: a program was not found");
    default:
      return std::nullopt;
  }
}

Judgement cut_short(const Observation& seen) {
  return say(Verdict::timed_out, "deadline",
             seen.exit ? "had not failed when its time was over after " + seconds_text(seen.exit->duration_ms)
                       : std::string{"had not failed when its time was over"});
}

/// SIGKILL is mostly the kernel's, for lack of memory; the others are an operator's.
bool was_killed_by_others(const AttemptExit& exit) {
  const int number = deadly_signal(exit);
  return number == SIGKILL || number == SIGINT || number == SIGTERM || number == SIGHUP;
}

/// Ended without having been stopped.
Judgement by_status(const Observation& seen) {
  const AttemptExit& exit = *seen.exit;
  const bool failed = failed_before_stop(seen);
  if (exit.exit_code == 0 && !has_fault(seen, SignalClass::device_timeout)) {
    std::string text = exit.leftovers == 0 ? "" : std::to_string(exit.leftovers) + " of its processes had to be ended";
    return say(Verdict::passed, "", std::move(text));
  }
  if (failed && seen.seen.failure_type == FailureType::infra)
    return say(Verdict::infrastructure, "infra", failure_text(seen.seen));
  if (was_killed_by_others(exit) && (!failed || seen.seen.exception == "SIGKILL"))
    return say(Verdict::infrastructure, "killed", status_text(exit) + ", sent by somebody else");
  if (failed) return different(seen);
  return say(Verdict::different_failure, "unrecognised",
             status_text(exit) + ", and the log shows no failure that is known");
}

/// exit.json keeps the shim's refusal as "field: reason".
Refusal refusal_from(const std::string& text) {
  const std::size_t colon = text.find(": ");
  if (colon == std::string::npos) return {"", text, ""};
  return {text.substr(0, colon), text.substr(colon + 2), ""};
}

/// What the host, its board or the set-up did to the run.
std::optional<Judgement> by_surroundings(const Observation& seen) {
  if (contention_came_first(seen))
    return say(Verdict::contention, "contention", "another process had the board, or left its state there");
  if (seen.match.counts() && failed_before_stop(seen)) return reproduced(seen);
  if (!seen.exit) return say(Verdict::lost, "shim_lost", "its shim vanished without a word of how it ended");
  if (seen.exit->cause == EndCause::spawn_failed) return judge_refused(refusal_from(seen.exit->error));
  const FaultSignal* grave = first_grave_fault(seen);
  if (grave != nullptr && grave->signal_class == SignalClass::board_broken)
    return say(Verdict::infrastructure, "board_broken", "the board or its topology is broken: " + grave->rule);
  if (is_cancelled(seen)) return say(Verdict::cancelled, "", "cancelled");
  if (seen.exit->oom_kills > 0)
    return say(Verdict::infrastructure, "oom", "the kernel killed a process of the run for lack of memory");
  if (seen.exit->cause == EndCause::log_limit)
    return say(Verdict::infrastructure, "log_limit", "its log reached the limit of its size");
  return setup_error(seen);
}

Judgement by_ending(const Observation& seen) {
  if (ended_by_itself(seen)) return by_status(seen);
  const auto* stall = std::get_if<Stalled>(&seen.ending);
  if (stall != nullptr && hang_counts(seen, *stall)) return hung(seen, *stall);
  if (failed_before_stop(seen)) return different(seen);
  if (is_late(seen)) return cut_short(seen);
  if (first_fault(seen) != nullptr)
    return say(Verdict::different_failure, "unrecognised",
               "stopped at " + first_fault(seen)->rule + ", but the log shows no failure that is known");
  return say(Verdict::cancelled, "stopped", "stopped from outside");
}

}  // namespace

bool is_answer(Verdict verdict) {
  switch (verdict) {
    case Verdict::reproduced:
    case Verdict::passed:
    case Verdict::different_failure:
    case Verdict::hang:
    case Verdict::timed_out:
      return true;
    case Verdict::contention:
    case Verdict::setup_error:
    case Verdict::infrastructure:
    case Verdict::cancelled:
    case Verdict::lost:
      return false;
  }
  return false;
}

std::string failure_text(const Signature& failure) {
  std::string text{to_text(failure.failure_type)};
  if (!failure.exception.empty()) text += ", " + failure.exception;
  if (!failure.message_template.empty()) text += ": " + failure.message_template;
  if (!failure.site_file.empty()) text += " (" + failure.site_file + ")";
  return text;
}

bool is_fault(SignalClass signal_class) {
  switch (signal_class) {
    case SignalClass::device_timeout:
    case SignalClass::contention:
    case SignalClass::board_broken:
    case SignalClass::crash:
    case SignalClass::exception:
    case SignalClass::test_timeout:
    case SignalClass::setup_error:
    case SignalClass::worker_down:
      return true;
    case SignalClass::triage:
    case SignalClass::progress:
    case SignalClass::test_begin:
    case SignalClass::run_ending:
    case SignalClass::note:
      return false;
  }
  return false;
}

std::size_t rank_of(const FaultSignal& fault) {
  if (fault.signal_class != SignalClass::exception) return 0;
  return fault.reaction != Reaction::none ? 1 : 2;
}

Judgement judge(const Observation& seen) {
  std::optional<Judgement> surroundings = by_surroundings(seen);
  Judgement judgement = surroundings ? std::move(*surroundings) : by_ending(seen);
  if (!judgement.match && seen.seen.failure_type != FailureType::none) judgement.match = seen.match;
  if (seen.exit && seen.exit->unkillable > 0)
    judgement.explanation += "; " + std::to_string(seen.exit->unkillable) + " processes could not be killed";
  judgement.board_suspect = is_board_suspect(seen);
  return judgement;
}

Judgement judge_refused(const Refusal& refusal) {
  Judgement judgement = say(Verdict::infrastructure, refusal.field == "log" ? "log" : "shim", to_text(refusal));
  if (refusal.field == "command" || refusal.field == "working_folder")
    judgement = say(Verdict::setup_error, "exec", to_text(refusal));
  judgement.runs = judgement.infrastructure = 0;
  return judgement;
}

Judgement judge_not_started() {
  Judgement judgement = say(Verdict::lost, "not_started", "it had been planned, but nothing of it was ever started");
  judgement.runs = judgement.infrastructure = 0;
  return judgement;
}

std::optional<Signature> failure_of_death(const AttemptExit& exit) {
  if (exit.cause != EndCause::exited) return std::nullopt;
  const int number = deadly_signal(exit);
  const auto known = std::find_if(named_signals.begin(), named_signals.end(),
                                  [number](const NamedSignal& named) { return named.number == number; });
  if (known == named_signals.end()) return std::nullopt;
  Signature failure;
  failure.failure_type = FailureType::crash;
  failure.exception = known->name;
  return failure;
}

}  // namespace ndr
