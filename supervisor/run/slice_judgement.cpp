#include "supervisor/run/slice_judgement.hpp"

#include <algorithm>

#include "supervisor/clock.hpp"

namespace ndr {
namespace {

std::string of_runs(std::int64_t count, std::int64_t runs) {
  return std::to_string(count) + " of " + std::to_string(runs) + (runs == 1 ? " run" : " runs");
}

bool is_matched(const RunFailureRow& failure) { return failure.verdict == Verdict::reproduced; }

bool says_nothing(const RunFailureRow& failure) { return !is_answer(failure.verdict); }

const RunFailureRow* first(const std::vector<RunFailureRow>& failures, bool (*is)(const RunFailureRow&)) {
  const auto found = std::find_if(failures.begin(), failures.end(), is);
  return found == failures.end() ? nullptr : &*found;
}

Judgement sum_of(const SliceObservation& seen) {
  Judgement judgement;
  for (const RunFailureRow& failure : seen.failures) {
    judgement.matched += is_matched(failure);
    judgement.infrastructure += says_nothing(failure);
    judgement.different += failure.verdict == Verdict::different_failure || failure.verdict == Verdict::hang;
  }
  // A lost loop's last line is older than its last runs.
  const std::int64_t told = std::max<std::int64_t>(seen.sum.runs, static_cast<std::int64_t>(seen.failures.size()));
  judgement.runs = static_cast<int>(told);
  return judgement;
}

Judgement with(Judgement judgement, Verdict verdict, std::string reason, std::string explanation) {
  judgement.verdict = verdict;
  judgement.reason = std::move(reason);
  judgement.explanation = std::move(explanation);
  return judgement;
}

/// What happened to the loop itself, where no run says more.
std::optional<Judgement> by_loop(const SliceObservation& seen, const Judgement& sum) {
  if (!seen.exit) return with(sum, Verdict::lost, "shim_lost", "its shim vanished without a word of how it ended");
  if (std::holds_alternative<Cancelled>(seen.ending)) return with(sum, Verdict::cancelled, "", "cancelled");
  if (!seen.sum.trouble.empty() && seen.sum.runs == 0) return with(sum, Verdict::setup_error, "exec", seen.sum.trouble);
  if (seen.exit->oom_kills > 0)
    return with(sum, Verdict::infrastructure, "oom", "the kernel killed a process of a run for lack of memory");
  if (seen.exit->cause == EndCause::log_limit)
    return with(sum, Verdict::infrastructure, "log_limit", "its log reached the limit of its size");
  if (sum.runs > 0) return std::nullopt;
  if (seen.exit->cause == EndCause::exited && seen.exit->exit_code != 0)
    return with(sum, Verdict::infrastructure, "shim", "the loop of the slice ended with an error: see its log");
  return with(sum, Verdict::timed_out, "deadline", "no run ended in time");
}

}  // namespace

Observation observation_of(const SliceRun& run, const Signature& wanted, std::int64_t limit_ms) {
  Observation seen;
  seen.wanted = wanted;
  AttemptExit exit;
  exit.exit_code = run.exit_code;
  exit.term_signal = run.term_signal;
  exit.duration_ms = run.duration_us / 1000;
  exit.leftovers = run.leftovers;
  if (run.stood_still) {
    exit.cause = EndCause::stopped;
    seen.ending = Stalled{"mid_run", std::min(limit_ms, exit.duration_ms)};
  }
  seen.exit = exit;
  return seen;
}

Judgement judge_slice(const SliceObservation& seen) {
  const Judgement sum = sum_of(seen);
  if (const RunFailureRow* match = first(seen.failures, is_matched)) {
    return with(sum, Verdict::reproduced, seen.exit ? "" : "shim_lost",
                of_runs(sum.matched, sum.runs) + " " + match->explanation);
  }
  if (const auto judgement = by_loop(seen, sum)) return *judgement;
  if (sum.runs == sum.infrastructure) {
    const RunFailureRow& why = seen.failures.front();
    return with(sum, why.verdict, "nothing_to_test", why.explanation);
  }
  const auto fails_otherwise = [](const RunFailureRow& failure) { return !says_nothing(failure); };
  const RunFailureRow* other = first(seen.failures, fails_otherwise);
  if (other == nullptr) return with(sum, Verdict::passed, "", "");
  const bool none_passed = sum.different >= sum.runs - sum.infrastructure;
  const std::string text = of_runs(sum.different, sum.runs) + " failed otherwise: " + other->explanation;
  return with(sum, none_passed ? other->verdict : Verdict::passed, none_passed ? "other_failure" : "", text);
}

}  // namespace ndr
