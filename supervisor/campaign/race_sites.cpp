#include "supervisor/campaign/race_sites.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "analyzer/assert.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/arms/place_question.hpp"
#include "supervisor/campaign/report.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_places = 4000;

bool notes_delays(const Arm& arm) { return arm.noise_chance > 0 || arm.breakpoints > 0 || arm.call_chance > 0; }

std::set<DelayedPlace> places_from(const std::string& json) {
  std::set<DelayedPlace> places;
  const auto list = json_from(json);
  if (!list.is_array()) return places;
  for (const auto& place : list)
    if (place.is_array() && place.size() == 2 && place[0].is_string() && place[1].is_number_unsigned())
      places.insert({place[0].get<std::string>(), place[1].get<std::uint64_t>()});
  return places;
}

/// The slices that can be looked at, by the place of their arm in the record.
class Gathering {
public:
  explicit Gathering(const CampaignEnd& end) {
    for (const AttemptRow& row : end.attempts) {
      const std::optional<SliceProgress> sum = progress_from(row.slice_json);
      const Arm arm = arm_of(row);
      if (!sum || !sum->over || !notes_delays(arm)) continue;
      const auto known = std::find(arms_.begin(), arms_.end(), arm);
      const auto at = static_cast<std::size_t>(known - arms_.begin());
      if (known == arms_.end()) add_arm(arm);
      slices_.emplace(row.id, at);
      record_.totals[at].passed += sum->passed;
      for (const PassedPlace& place : sum->passed_places)
        add_passed(at, place);
    }
    for (const RunFailureRow& run : end.failures) {
      const auto slice = slices_.find(run.attempt_id);
      if (slice != slices_.end() && run.verdict == Verdict::reproduced) add_matched(slice->second, run);
    }
  }

  DelayRecord take() {
    for (std::vector<std::int64_t>& passed : record_.passed)
      passed.resize(record_.places.size());
    return std::move(record_);
  }

private:
  void add_arm(const Arm& arm) {
    arms_.push_back(arm);
    record_.totals.emplace_back();
    record_.holds.push_back(arm.breakpoints > 0);
    record_.passed.emplace_back();
  }

  std::optional<std::size_t> place_of(const DelayedPlace& place) {
    if (is_system_module(place.module)) return std::nullopt;
    const auto known = places_.find(place);
    if (known != places_.end()) return known->second;
    if (record_.places.size() >= most_places) return std::nullopt;
    places_.emplace(place, record_.places.size());
    record_.places.push_back(place);
    return record_.places.size() - 1;
  }

  void add_passed(std::size_t arm, const PassedPlace& told) {
    const std::optional<std::size_t> at = place_of(told.place);
    if (!at) return;
    std::vector<std::int64_t>& passed = record_.passed[arm];
    passed.resize(std::max(passed.size(), *at + 1));
    passed[*at] += told.runs;
  }

  void add_matched(std::size_t arm, const RunFailureRow& run) {
    ++record_.totals[arm].matched;
    DelayRecord::Matched& matched = record_.matched.emplace_back();
    matched.arm = arm;
    for (const DelayedPlace& place : places_from(run.places_json))
      if (const auto at = place_of(place)) matched.places.push_back(*at);
  }

  DelayRecord record_;
  std::vector<Arm> arms_;
  std::map<AttemptId, std::size_t> slices_;
  std::map<DelayedPlace, std::size_t> places_;
};

/// Google Test, Catch2, doctest and the standard library, which are built into many programs.
bool is_of_framework(const std::string& function) {
  constexpr std::array spaces{"testing::", "Catch::", "doctest::", "std::", "__gnu_cxx::", "__gthread", "_start"};
  return std::any_of(spaces.begin(), spaces.end(),
                     [&function](const char* space) { return function.starts_with(space); });
}

/// Arms of one kind, with what their places are put together to.
class SiteTable {
public:
  SiteTable(const DelayRecord& record, const std::vector<CodePlace>& told, bool holds) : told_(told) {
    for (std::size_t arm = 0; arm < record.totals.size(); ++arm) {
      // Where nothing matched there is nothing to compare.
      if (record.holds[arm] != holds || record.totals[arm].matched == 0) continue;
      rows_.emplace(arm, totals_.size());
      totals_.push_back(record.totals[arm]);
    }
    for (std::size_t place = 0; place < told.size(); ++place)
      if (!is_system_source(told[place].file) && !is_of_framework(told[place].function))
        site_of_.emplace(place, site_at(key_of(told[place], holds)));
    for (std::vector<DelayedRuns>& site : sites_)
      site.resize(totals_.size());
    best_.resize(sites_.size());
    count_matched(record);
    count_passed(record);
  }

  const std::vector<DelayedRuns>& totals() const { return totals_; }
  std::size_t size() const { return sites_.size(); }

  void add_outstanding(std::vector<RaceSite>& sites) const {
    for (const SiteEvidence& evidence : rank_sites(sites_, totals_)) {
      if (!evidence.stands_out) continue;
      RaceSite site{told_[best_[evidence.site].place], evidence.ratio, evidence.low, evidence.high,
                    evidence.adjusted_p};
      for (const DelayedRuns& runs : sites_[evidence.site]) {
        site.matched += runs.matched;
        site.passed += runs.passed;
      }
      sites.push_back(std::move(site));
    }
  }

private:
  struct Best {
    std::size_t place = 0;
    double score = -1;
  };

  static std::string key_of(const CodePlace& place, bool holds) {
    if (place.function.empty() && place.file.empty()) return place.module + "+" + std::to_string(place.offset);
    if (holds || place.file.empty()) return place.module + "\n" + place.function;
    return place.file + "\n" + std::to_string(place.line);
  }

  std::size_t site_at(const std::string& key) {
    const auto [at, is_new] = keys_.emplace(key, sites_.size());
    if (is_new) sites_.emplace_back();
    return at->second;
  }

  void count_matched(const DelayRecord& record) {
    std::map<std::size_t, std::int64_t> by_place;
    for (const DelayRecord::Matched& run : record.matched) {
      const auto row = rows_.find(run.arm);
      if (row == rows_.end()) continue;
      std::set<std::size_t> met;
      for (const std::size_t place : run.places) {
        const auto site = site_of_.find(place);
        if (site == site_of_.end()) continue;
        met.insert(site->second);
        ++by_place[place];
      }
      for (const std::size_t site : met)
        ++sites_[site][row->second].matched;
    }
    for (const auto& [place, site] : site_of_) {
      std::int64_t passed = 0;
      for (const auto& [arm, row] : rows_)
        passed += record.passed[arm][place];
      const double score = static_cast<double>(by_place[place]) / (static_cast<double>(passed) + 1);
      if (score > best_[site].score) best_[site] = {place, score};
    }
  }

  void count_passed(const DelayRecord& record) {
    for (const auto& [arm, row] : rows_)
      for (const auto& [place, site] : site_of_) {
        std::int64_t& passed = sites_[site][row].passed;
        passed = std::min(totals_[row].passed, passed + record.passed[arm][place]);
      }
  }

  const std::vector<CodePlace>& told_;
  std::map<std::size_t, std::size_t> rows_;  // arm of the record -> place in totals_
  std::vector<DelayedRuns> totals_;
  std::map<std::string, std::size_t> keys_;
  std::map<std::size_t, std::size_t> site_of_;   // place of the record -> site
  std::vector<std::vector<DelayedRuns>> sites_;  // by arm
  std::vector<Best> best_;                       // of each site
};

}  // namespace

bool is_system_module(const std::string& path) {
  constexpr std::array folders{"/usr/lib/", "/usr/lib64/", "/lib/",      "/lib64/",
                               "/usr/bin/", "/bin/",       "/usr/sbin/", "/sbin/"};
  for (const char* folder : folders)
    if (path.starts_with(folder)) return true;
  constexpr std::array names{"libc.",    "libc-",  "libstdc++", "libc++",     "libpython",  "python3",    "libgcc_s",
                             "ld-",      "libm.",  "libasan",   "libtsan",    "libubsan",   "libpthread", "libgtest",
                             "libgmock", "libdl.", "librt.",    "libndrepro", "linux-vdso", "[vdso]"};
  const std::string name = path.substr(path.rfind('/') + 1);
  for (const char* known : names)
    if (name.starts_with(known)) return true;
  return path.empty();
}

DelayRecord delays_of(const CampaignEnd& end) { return Gathering{end}.take(); }

RaceReport where_it_races(const DelayRecord& record, const std::vector<CodePlace>& told) {
  NDR_ASSERT(told.size() == record.places.size());
  RaceReport report;
  for (const bool holds : {false, true}) {
    const SiteTable table{record, told, holds};
    for (const DelayedRuns& total : table.totals()) {
      report.matched += total.matched;
      report.passed += total.passed;
    }
    if (table.totals().empty()) continue;
    report.looked_at += table.size();
    table.add_outstanding(report.sites);
  }
  std::stable_sort(report.sites.begin(), report.sites.end(), [](const RaceSite& one, const RaceSite& other) {
    // What was never delayed in a run that passed may be code that only runs after the failure.
    if ((one.passed == 0) != (other.passed == 0)) return other.passed == 0;
    return one.adjusted_p < other.adjusted_p;
  });
  return report;
}

RaceReport ask_where_it_races(const DelayRecord& record, const std::filesystem::path& program) {
  std::vector<CodePlace> places;
  for (const DelayedPlace& place : record.places)
    places.push_back({.module = place.module, .offset = place.offset});
  return where_it_races(record, ask_places(program, std::move(places), std::chrono::seconds{longest_place_question_s}));
}

std::string site_text(const CodePlace& place) {
  if (place.file.empty()) return to_text(place);
  const std::string line = place.file + ":" + std::to_string(place.line);
  return place.function.empty() ? line : line + " in " + place.function;
}

}  // namespace ndr
