#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/records.hpp"
#include "supervisor/campaign/policy.hpp"

namespace ndr {

/// The attempt that matched first, and what its log shows there.
struct FirstMatch {
  AttemptRow row;
  std::string log;                      // relative to the case
  std::optional<std::uint64_t> offset;  // of the line that says what failed, else of the first fault
  std::string excerpt;                  // at most 20 lines around it, ready for people
};

/// How often, with what certainty.
struct Rate {
  std::int64_t runs = 0;
  std::int64_t matched = 0;
  double rate = 0;  // matched / runs; (matched - 1) / (runs - 1) where the runs went on until they matched often enough
  double low = 0;   // Clopper-Pearson, 95 %; without a match 0 and the one-sided 95 % bound
  double high = 1;
  bool until_matched = false;  // `rate` leaves out the match at which the sampling stopped
};

/// The failure of CI that is to be seen again; what is not known is empty.
struct WantedFailure {
  std::string type;
  std::string test;
  std::string exception;
  std::string message;
  std::string site;
  std::string log;  // FILE:LINE of the message, relative to the case
};

/// The newest campaign of a case whose page shows an earlier one, since that found more.
struct NewestCampaign {
  CampaignRow row;
  std::size_t attempts = 0;
  Rate plain;
};

/// A campaign that is over, with all that is said of it.
struct CampaignEnd {
  CampaignRow campaign;
  Policy policy;
  Finish finish;
  std::int64_t ended_at_ms = 0;
  int different_before_match = 0;
  std::vector<AttemptRow> attempts;
  std::vector<ResetRow> resets;
  std::vector<std::pair<std::string, std::string>> environment;  // of case.yaml
  std::string folder;                                            // of the case
  WantedFailure wanted;
  std::optional<FirstMatch> first_match;
  std::vector<CampaignRow> others;  // of the same case, newest first
  std::optional<NewestCampaign> newest;
  ScriptForm script;
};

/// Runs of one arm with the same parameters. Only runs that could be judged are `runs`.
struct ArmTally {
  Arm arm;
  std::int64_t attempts = 0;
  std::int64_t runs = 0;
  std::int64_t matched = 0;
  std::int64_t different = 0;
  std::int64_t hangs = 0;
  std::int64_t timed_out = 0;
  std::int64_t iterations = 0;
  std::int64_t exposure_ms = 0;
};

/// In the order of their first use.
std::vector<ArmTally> tallies_of(const CampaignEnd& end);

/// What is left out of every rate.
struct LeftOut {
  std::int64_t contention = 0;
  std::int64_t setup_error = 0;
  std::int64_t infrastructure = 0;
  std::int64_t cancelled = 0;
  std::int64_t lost = 0;
  std::int64_t cut_off = 0;  // by the budget, before an attempt's time was over
  std::int64_t sum() const { return contention + setup_error + infrastructure + cancelled + lost + cut_off; }
};

LeftOut left_out_of(const CampaignEnd& end);

/// `until_matched`: the number of matches was given, not that of runs.
Rate rate_of(std::int64_t runs, std::int64_t matched, bool until_matched);

/// Whether runs of one arm, of which so many matched, went on until they matched often enough. Those of an arm that
/// was left for another were as many as there was room for.
bool ran_until_matched(const CampaignEnd& end, std::int64_t matched);

/// Of all unamplified runs.
Rate plain_rate(const CampaignEnd& end);

/// Without a match: the last run that failed otherwise than CI; where none did and none passed, the last that hung or
/// was cut off. Its log is what to look at.
const AttemptRow* telling_attempt(const CampaignEnd& end);

/// CI's failure against the one of the telling attempt, one line; empty where nothing failed otherwise.
std::string comparison(const CampaignEnd& end);

/// One command that goes on from here.
std::string next_command(const CampaignEnd& end);

/// "runs until 3 matches or the end of the budget".
std::string stopping_rule(const CampaignEnd& end);

/// The report as stored and served; see README.md for its keys.
std::string report_json(const CampaignEnd& end);

}  // namespace ndr
