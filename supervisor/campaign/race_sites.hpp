#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "analyzer/statistics/site_evidence.hpp"
#include "storage/slice_log.hpp"
#include "supervisor/arms/code_place.hpp"

namespace ndr {
struct CampaignEnd;

/// What was delayed in runs that matched and in runs that passed. An arm here is one with its parameters, which has
/// matched and notes what it delays.
struct DelayRecord {
  struct Matched {
    std::size_t arm = 0;
    std::vector<std::size_t> places;  // into `places`, each once
  };
  std::vector<DelayedRuns> totals;                // by arm: all its runs that matched, and that passed
  std::vector<bool> holds;                        // by arm: it stops at instructions, else at calls
  std::vector<DelayedPlace> places;               // of the program's own modules
  std::vector<Matched> matched;                   // each such run
  std::vector<std::vector<std::int64_t>> passed;  // by arm and place: runs that passed
};

/// Of whole slices alone: one that was lost has not told what its passing runs were delayed by.
DelayRecord delays_of(const CampaignEnd& end);

/// Whether a module is a system's library or an interpreter, whose places nobody wants named.
bool is_system_module(const std::string& path);

/// A place in the source that a delay makes fail more often.
struct RaceSite {
  CodePlace place;
  double ratio = 1;  // of the rates with the delay and without, with its 95 % interval
  double low = 0;
  double high = 0;
  double adjusted_p = 1;     // SiteEvidence
  std::int64_t matched = 0;  // runs delayed there
  std::int64_t passed = 0;   // at most
};

struct RaceReport {
  std::int64_t matched = 0;     // runs looked at
  std::int64_t passed = 0;      // runs looked at
  std::size_t looked_at = 0;    // places in the source
  std::vector<RaceSite> sites;  // that stand out, the surest first
};

/// Pure. `told` says where each place of the record is. Calls are put together by source line; instructions, of which
/// each is rarely met, by function, and the line is that of the surest instruction. Of runs that passed it is only
/// known how many were delayed at each place, so that their sum stands for how many were delayed at any: the evidence
/// is the weaker for it, never the stronger. The two kinds are ranked apart (rank_sites).
RaceReport where_it_races(const DelayRecord& record, const std::vector<CodePlace>& told);

/// The same for a campaign, asking a child where the places are (ask_places): blocks up to `longest_place_question_s`.
inline constexpr int longest_place_question_s = 8;
RaceReport ask_where_it_races(const DelayRecord& record, const std::filesystem::path& program);

/// "src/ledger.cpp:41 in Ledger::post": file without the folder that all of its kind share is not known here, so whole.
std::string site_text(const CodePlace& place);

}  // namespace ndr
