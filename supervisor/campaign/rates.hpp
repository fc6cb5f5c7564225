#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "storage/records.hpp"
#include "supervisor/campaign/policy.hpp"

namespace ndr {
struct CampaignEnd;

/// What decided how many runs there were, and so which interval holds.
enum class Sampling {
  fixed,          // their number was given
  until_matched,  // they went on until enough had matched, or to the end of the budget
  any_time        // the arm was left, or come back to, because of what it had shown
};

struct SamplingRule {
  Sampling sampling = Sampling::any_time;
  std::int64_t wanted = 1;      // matches, of until_matched
  std::int64_t last_batch = 1;  // interval_until
};

/// How often, with what certainty.
struct Rate {
  std::int64_t runs = 0;
  std::int64_t matched = 0;
  double rate = 0;  // matched / runs; (matched - 1) / (runs - 1) where the last of the runs was the last match wanted
  double low = 0;   // 95 %; without a match 0 and the one-sided 95 % bound
  double high = 1;
  Sampling sampling = Sampling::any_time;
  bool leaves_out_last = false;  // `rate` leaves out the match at which the sampling stopped
  std::int64_t exposure_ms = 0;
  /// Of the exposure, however many runs went side by side; without a match the one-sided 95 % bound. 0: no exposure.
  double per_minute() const;
};

/// Runs of one arm with the same parameters. Only runs that could be judged are `runs`.
struct ArmTally {
  Arm arm;
  std::int64_t attempts = 0;
  std::int64_t slices = 0;  // of the attempts
  std::int64_t runs = 0;
  std::int64_t matched = 0;
  std::int64_t different = 0;
  std::int64_t hangs = 0;
  std::int64_t timed_out = 0;
  std::int64_t iterations = 0;
  std::int64_t exposure_ms = 0;
};

/// Plain first, then by name, and by each parameter from small to large.
std::vector<ArmTally> tallies_of(const CampaignEnd& end);

/// What is left out of every rate.
struct LeftOut {
  std::int64_t contention = 0;
  std::int64_t setup_error = 0;
  std::int64_t infrastructure = 0;
  std::int64_t cancelled = 0;
  std::int64_t lost = 0;
  std::int64_t cut_off = 0;       // by the budget, before an attempt's time was over
  std::int64_t runs = 0;          // of slices, that could not be judged
  std::int64_t stopped_runs = 0;  // of slices, under way as the slice ended
  std::int64_t sum() const {
    return contention + setup_error + infrastructure + cancelled + lost + cut_off + runs + stopped_runs;
  }
};

LeftOut left_out_of(const CampaignEnd& end);

/// Clopper and Pearson's interval where the number of runs was fixed, interval_until where they went on until they
/// matched, confidence_sequence else; without a match upper_bound_without_hits.
Rate rate_of(std::int64_t runs, std::int64_t matched, const SamplingRule& rule, std::int64_t exposure_ms = 0);

/// Under which rule these runs of the campaign were made.
SamplingRule rule_of(const CampaignEnd& end, const ArmTally& tally);
Rate rate_of(const CampaignEnd& end, const ArmTally& tally);
/// The rule for people: "until 3 matched, or to the end of the budget".
std::string rule_text(const Rate& rate, int confirmations);

/// Of all unamplified runs.
ArmTally plain_tally(const CampaignEnd& end);
Rate plain_rate(const CampaignEnd& end);

/// Mean of calls by which threads and processes meet, in a run; 0: not counted.
std::uint64_t points_of(const CampaignEnd& end);

}  // namespace ndr
