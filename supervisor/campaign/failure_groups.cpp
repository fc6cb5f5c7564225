#include "supervisor/campaign/failure_groups.hpp"

#include <algorithm>
#include <map>

#include "analyzer/statistics/budget.hpp"
#include "storage/evidence_json.hpp"
#include "supervisor/run/verdict.hpp"

namespace ndr {
namespace {

bool is_other(Verdict verdict) { return verdict == Verdict::different_failure || verdict == Verdict::hang; }

/// A failure of a run, of a slice or by itself.
struct SeenFailure {
  const AttemptRow& attempt;
  std::int64_t run;
  Verdict verdict;
  const std::string& failure_json;
  const std::string& explanation;
  const std::optional<std::string>& grade;
};

std::string text_of(const SeenFailure& seen) {
  const Checked<Signature> failure = signature_from_json(seen.failure_json);
  if (failure.has_value() && failure->failure_type != FailureType::none) return failure_text(*failure);
  return seen.explanation.empty() ? std::string{to_text(seen.verdict)} : seen.explanation;
}

class Groups {
public:
  void add(const SeenFailure& seen) {
    // Texts alone would put failures together whose places differ; those without a signature have only their text.
    const std::string key = seen.failure_json.empty() ? text_of(seen) : seen.failure_json;
    const auto [at, is_new] = places_.emplace(key, groups_.size());
    if (is_new) groups_.push_back({.text = text_of(seen), .number = seen.attempt.number, .run = seen.run});
    FailureGroup& group = groups_[at->second];
    ++group.runs;
    group.plain += seen.attempt.arm == "plain" ? 1 : 0;
    group.is_near = group.is_near || seen.grade == to_text(MatchGrade::same_class);
  }

  std::vector<FailureGroup> take() {
    std::stable_sort(groups_.begin(), groups_.end(),
                     [](const FailureGroup& one, const FailureGroup& other) { return one.runs > other.runs; });
    return std::move(groups_);
  }

private:
  std::map<std::string, std::size_t> places_;
  std::vector<FailureGroup> groups_;
};

}  // namespace

std::vector<FailureGroup> other_failures(const CampaignEnd& end) {
  Groups groups;
  std::map<AttemptId, const AttemptRow*> slices;
  for (const AttemptRow& row : end.attempts) {
    if (!row.verdict) continue;
    if (!row.slice_json.empty())
      slices.emplace(row.id, &row);
    else if (is_other(*row.verdict))
      groups.add({row, 0, *row.verdict, row.failure_json, row.explanation, row.match_grade});
  }
  for (const RunFailureRow& row : end.failures) {
    const auto slice = slices.find(row.attempt_id);
    if (slice == slices.end() || !is_other(row.verdict)) continue;
    groups.add({*slice->second, row.run, row.verdict, row.failure_json, row.explanation, row.match_grade});
  }
  return groups.take();
}

std::optional<double> purity_of(const CampaignEnd& end, const std::vector<FailureGroup>& others) {
  std::int64_t runs = 0, matched = 0, different = 0, near = 0;
  for (const ArmTally& tally : tallies_of(end)) {
    runs += tally.runs;
    matched += tally.matched;
  }
  for (const FailureGroup& group : others) {
    different += group.runs;
    near += group.is_near ? group.runs : 0;
  }
  if (matched == 0 || different == 0 || runs == 0) return std::nullopt;
  const double accepted = (static_cast<double>(near) + 0.5) / (static_cast<double>(different) + 1);
  const auto all = static_cast<double>(runs);
  return match_purity(static_cast<double>(matched) / all, static_cast<double>(different) / all, accepted);
}

std::string place_text(const FailureGroup& group) {
  return "logs/run_" + std::to_string(group.number) + ".log" +
         (group.run > 0 ? " run " + std::to_string(group.run) : std::string{});
}

}  // namespace ndr
