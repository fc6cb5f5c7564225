#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/campaign/report.hpp"

namespace ndr {

/// Runs that failed alike, otherwise than CI did.
struct FailureGroup {
  std::string text;        // "assertion, AssertionError: lost 3 entries (tests/ledger.py)"
  std::int64_t runs = 0;   // of all arms
  std::int64_t plain = 0;  // of them unamplified
  bool is_near = false;    // graded same_class: of the wanted kind, at another place
  int number = 0;          // of the first one's attempt
  std::int64_t run = 0;    // its number within a slice; 0: the attempt itself
};

/// By what was seen, the most frequent first. Runs that could not be judged are none.
std::vector<FailureGroup> other_failures(const CampaignEnd& end);

/// The share of matches that are CI's failure, at least: as many of the other failures as came near are taken to pass
/// for it, and one in two more (match_purity). Nothing where that says nothing: no match, or no other failure.
std::optional<double> purity_of(const CampaignEnd& end, const std::vector<FailureGroup>& others);

/// "logs/run_7.log run 12".
std::string place_text(const FailureGroup& group);

}  // namespace ndr
