#include "supervisor/campaign/rates.hpp"

#include <algorithm>
#include <tuple>

#include "analyzer/statistics/confidence_sequence.hpp"
#include "analyzer/statistics/gamma_poisson.hpp"
#include "analyzer/statistics/inverse_sampling.hpp"
#include "storage/slice_log.hpp"
#include "supervisor/campaign/report.hpp"
#include "supervisor/run/verdict.hpp"

namespace ndr {
namespace {

constexpr double confidence = 0.95;

/// It had not failed yet when the budget ended it, sooner than an attempt's own limit would have: in the rest of its
/// time it might have matched.
bool is_cut_off(const Policy& policy, const AttemptRow& row) {
  constexpr std::int64_t clock_slack_ms = 1000;
  return row.verdict == Verdict::timed_out && row.exposure_ms + clock_slack_ms < policy.attempt_ms;
}

void count(const AttemptRow& row, ArmTally& tally) {
  tally.runs += std::max<std::int64_t>(0, row.runs - row.infrastructure);
  tally.matched += row.matched;
  tally.different += row.different;
  tally.hangs += row.verdict == Verdict::hang ? 1 : 0;
  tally.iterations += row.iterations;
  tally.exposure_ms += row.exposure_ms;
}

/// Numbers as numbers: 2, 4 and 16 copies come in this order.
bool comes_before(const ArmTally& one, const ArmTally& other) {
  const auto key = [](const Arm& arm) {
    return std::tie(arm.name, arm.copies, arm.workers, arm.iterations, arm.noise_chance, arm.noise_us, arm.breakpoints,
                    arm.call_chance, arm.hold_us, arm.priority_points, arm.watchdog_scale);
  };
  const bool is_plain = one.arm.name == "plain";
  if (is_plain != (other.arm.name == "plain")) return is_plain;
  return key(one.arm) < key(other.arm);
}

bool has_slices(const CampaignEnd& end) {
  return std::any_of(end.attempts.begin(), end.attempts.end(),
                     [](const AttemptRow& row) { return !row.slice_json.empty(); });
}

/// The arm that the last run which could be judged was of.
bool is_last_used(const CampaignEnd& end, const Arm& arm) {
  const auto last = std::find_if(end.attempts.rbegin(), end.attempts.rend(),
                                 [](const AttemptRow& row) { return row.verdict && is_answer(*row.verdict); });
  return last != end.attempts.rend() && arm_of(*last) == arm;
}

bool is_only_one_used(const CampaignEnd& end, const Arm& arm) {
  return std::all_of(end.attempts.begin(), end.attempts.end(), [&arm](const AttemptRow& row) {
    return !row.verdict || !is_answer(*row.verdict) || arm_of(row) == arm;
  });
}

}  // namespace

double Rate::per_minute() const {
  if (exposure_ms <= 0) return 0;
  const double exposure_s = static_cast<double>(exposure_ms) / 1000;
  if (matched == 0) return 60 * rate_bound_without_matches(exposure_s, confidence);
  return 60 * static_cast<double>(matched) / exposure_s;
}

std::vector<ArmTally> tallies_of(const CampaignEnd& end) {
  std::vector<ArmTally> tallies;
  for (const AttemptRow& row : end.attempts) {
    // A script that ran alone made nobody knows how many runs; those of a broken build are the control's.
    if (!row.verdict || row.arm == recipe_name || build_of(row) == TestedBuild::broken) continue;
    const Arm arm = arm_of(row);
    auto tally = std::find_if(tallies.begin(), tallies.end(), [&](const ArmTally& one) { return one.arm == arm; });
    if (tally == tallies.end()) tally = tallies.insert(tallies.end(), ArmTally{.arm = arm});
    ++tally->attempts;
    tally->slices += row.slice_json.empty() ? 0 : 1;
    tally->timed_out += row.verdict == Verdict::timed_out ? 1 : 0;
    if (is_answer(*row.verdict) && !is_cut_off(end.policy, row)) count(row, *tally);
  }
  std::stable_sort(tallies.begin(), tallies.end(), comes_before);
  return tallies;
}

LeftOut left_out_of(const CampaignEnd& end) {
  LeftOut left;
  for (const AttemptRow& row : end.attempts) {
    left.cut_off += is_cut_off(end.policy, row) ? 1 : 0;
    left.contention += row.verdict == Verdict::contention ? 1 : 0;
    left.setup_error += row.verdict == Verdict::setup_error ? 1 : 0;
    left.infrastructure += row.verdict == Verdict::infrastructure ? 1 : 0;
    left.cancelled += row.verdict == Verdict::cancelled ? 1 : 0;
    left.lost += row.verdict == Verdict::lost ? 1 : 0;
    if (row.slice_json.empty() || !row.verdict || !is_answer(*row.verdict)) continue;
    left.runs += row.infrastructure;
    if (const auto sum = progress_from(row.slice_json)) left.stopped_runs += sum->cut;
  }
  return left;
}

Rate rate_of(std::int64_t runs, std::int64_t matched, const SamplingRule& rule, std::int64_t exposure_ms) {
  Rate rate{.runs = runs, .matched = matched, .sampling = rule.sampling, .exposure_ms = exposure_ms};
  if (runs <= 0) return rate;
  rate.rate = static_cast<double>(matched) / static_cast<double>(runs);
  Interval interval{0, upper_bound_without_hits(runs, confidence)};
  if (matched > 0) {
    switch (rule.sampling) {
      case Sampling::fixed:
        interval = clopper_pearson(matched, runs, confidence);
        break;
      case Sampling::until_matched:
        interval = interval_until(rule.wanted, matched, runs, confidence, rule.last_batch);
        rate.leaves_out_last = rule.last_batch == 1 && matched == rule.wanted && matched >= 2;
        if (rate.leaves_out_last) rate.rate = haldane(matched, runs);
        break;
      case Sampling::any_time:
        interval = confidence_sequence(matched, runs, confidence);
        break;
    }
  }
  rate.low = interval.low;
  rate.high = interval.high;
  return rate;
}

SamplingRule rule_of(const CampaignEnd& end, const ArmTally& tally) {
  SamplingRule rule{.wanted = std::max(1, end.policy.confirmations)};
  if (end.finish.outcome == CampaignOutcome::deterministic) rule.sampling = Sampling::fixed;
  if (end.finish.outcome != CampaignOutcome::reproduced) return rule;
  // Copies go on side by side until the match is seen, so the stop falls somewhere in the last runs.
  rule.last_batch = std::clamp<std::int64_t>(tally.arm.copies, 1, std::max<std::int64_t>(1, tally.runs));
  const bool is_sliced = has_slices(end);
  const bool stayed =
      is_sliced ? is_only_one_used(end, tally.arm) : tally.matched >= rule.wanted || is_last_used(end, tally.arm);
  // Beyond that many it had gone on for another reason.
  if (stayed && tally.matched < rule.wanted + rule.last_batch) rule.sampling = Sampling::until_matched;
  return rule;
}

Rate rate_of(const CampaignEnd& end, const ArmTally& tally) {
  return rate_of(tally.runs, tally.matched, rule_of(end, tally), tally.exposure_ms);
}

std::string rule_text(const Rate& rate, int confirmations) {
  if (rate.matched == 0) return "without a match: the bound is one-sided";
  switch (rate.sampling) {
    case Sampling::fixed:
      return "a fixed number of runs";
    case Sampling::until_matched:
      return "until " + std::to_string(confirmations) + " matched, or to the end of the budget";
    case Sampling::any_time:
      return "as long as the results led there: the interval holds at any stop";
  }
  return {};
}

ArmTally plain_tally(const CampaignEnd& end) {
  ArmTally plain;
  for (const ArmTally& tally : tallies_of(end)) {
    if (tally.arm.name != "plain") continue;
    plain.arm = tally.arm;
    plain.attempts += tally.attempts;
    plain.slices += tally.slices;
    plain.runs += tally.runs;
    plain.matched += tally.matched;
    plain.different += tally.different;
    plain.hangs += tally.hangs;
    plain.timed_out += tally.timed_out;
    plain.iterations += tally.iterations;
    plain.exposure_ms += tally.exposure_ms;
  }
  return plain;
}

Rate plain_rate(const CampaignEnd& end) { return rate_of(end, plain_tally(end)); }

std::uint64_t points_of(const CampaignEnd& end) {
  for (const AttemptRow& row : end.attempts) {
    if (row.slice_json.empty() || !arm_of(row).counts_points) continue;
    if (const auto sum = progress_from(row.slice_json); sum && sum->points > 0) return sum->points;
  }
  return 0;
}

}  // namespace ndr
