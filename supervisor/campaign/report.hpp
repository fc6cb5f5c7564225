#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/records.hpp"
#include "supervisor/campaign/ci_differences.hpp"
#include "supervisor/campaign/policy.hpp"
#include "supervisor/campaign/race_sites.hpp"
#include "supervisor/campaign/rates.hpp"

namespace ndr {

/// The run that matched first, and what its log shows there.
struct FirstMatch {
  AttemptRow row;
  std::string log;                      // relative to the case
  std::optional<std::uint64_t> offset;  // of the line that says what failed, else of the first fault
  std::string excerpt{};                // at most 20 lines around it, ready for people
  std::optional<RunFailureRow> run{};   // of a slice: which of its runs it was; the excerpt is of its own output
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
  std::vector<RunFailureRow> failures;  // of the runs of slices
  std::vector<DroppedArm> dropped;
  std::vector<ResetRow> resets;
  std::vector<std::pair<std::string, std::string>> environment;  // of case.yaml
  std::string folder;                                            // of the case
  WantedFailure wanted;
  std::optional<FirstMatch> first_match;
  std::vector<CampaignRow> others;  // of the same case, newest first
  std::optional<NewestCampaign> newest;
  ScriptForm script;
  std::optional<Evidence> evidence;       // of CI's logs, where it is still that of the signature
  std::string fingerprint;                // HostRow
  std::vector<CiDifference> differences;  // only without a match
  std::optional<RaceReport> where;        // none: no run that matched tells what was delayed in it
};

/// Without a match: the last run that failed otherwise than CI; where none did and none passed, the last that hung or
/// was cut off. Its log is what to look at.
const AttemptRow* telling_attempt(const CampaignEnd& end);

/// The last run of the script by itself with its recipe; one that hit before others. Nothing where none was made.
const AttemptRow* alone_attempt(const CampaignEnd& end);

/// CI's failure against the one of the telling attempt, one line; empty where nothing failed otherwise.
std::string comparison(const CampaignEnd& end);

/// One command that goes on from here.
std::string next_command(const CampaignEnd& end);
/// Why that is next, where the outcome alone does not say it; else empty.
std::string next_reason(const CampaignEnd& end);

/// "runs until 3 matches or the end of the budget".
std::string stopping_rule(const CampaignEnd& end);

/// The report as stored and served; see README.md for its keys.
std::string report_json(const CampaignEnd& end);

}  // namespace ndr
