#include "supervisor/campaign/results_rates.hpp"

#include <algorithm>
#include <cstdio>
#include <set>

#include "analyzer/printed_text.hpp"
#include "supervisor/campaign/arm_words.hpp"
#include "supervisor/campaign/failure_groups.hpp"
#include "supervisor/run/case_copy.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_groups = 8;
constexpr std::size_t most_sites = 5;
constexpr std::int64_t enough_matched = 20;
constexpr double pure_enough = 0.99;  // above it a doubt is not worth a sentence

std::string certainty(const Rate& rate) {
  if (rate.runs == 0) return "–";
  if (rate.matched == 0) return "below " + percent_text(rate.high);
  return percent_text(rate.rate) + " (" + percent_text(rate.low) + " to " + percent_text(rate.high) + ")";
}

/// Runs of a slice are short and go side by side: how soon one fails says more than how many did.
std::string per_minute_text(const Rate& rate) {
  if (rate.exposure_ms <= 0 || rate.runs == 0) return "–";
  char text[40];
  std::snprintf(text, sizeof text, rate.per_minute() < 100 ? "%.2g" : "%.0f", rate.per_minute());
  return (rate.matched == 0 ? "below " : "") + std::string{text};
}

std::string seconds_of(std::int64_t ms) { return short_time(static_cast<double>(ms) / 1000); }

std::string plain_sentence(const CampaignEnd& end) {
  const Rate rate = plain_rate(end);
  if (rate.runs == 0) return "No unamplified run could be judged.";
  const std::string counted = std::to_string(rate.matched) + " of " + std::to_string(rate.runs);
  if (rate.matched == 0)
    return "Unamplified, " + counted + " runs matched: with 95 % certainty the rate is below " +
           percent_text(rate.high) + " a run. That is no proof that it cannot fail here.";
  return "Unamplified, " + counted + " runs matched: " + percent_text(rate.rate) + " a run (95 % interval " +
         percent_text(rate.low) + " to " + percent_text(rate.high) + ").";
}

std::string table_row(const CampaignEnd& end, const ArmTally& tally, const std::string& words) {
  const Rate rate = rate_of(end, tally);
  std::string row = "|";
  for (const std::string& cell :
       {markdown_text(tally.arm.name), markdown_text(words), std::to_string(tally.attempts),
        seconds_of(tally.exposure_ms), std::to_string(tally.runs), std::to_string(tally.matched), certainty(rate),
        per_minute_text(rate), std::to_string(tally.different), std::to_string(tally.hangs),
        std::to_string(tally.timed_out)})
    row += " " + cell + " |";
  return row + "\n";
}

void add_up(const ArmTally& from, ArmTally& to) {
  to.attempts += from.attempts;
  to.slices += from.slices;
  to.runs += from.runs;
  to.different += from.different;
  to.hangs += from.hangs;
  to.timed_out += from.timed_out;
  to.iterations += from.iterations;
  to.exposure_ms += from.exposure_ms;
}

std::string arms_table(const CampaignEnd& end) {
  std::string table =
      "| arm | what it does | attempts | in | runs | matched | rate (95 %) | a minute | other failure | hang | cut off "
      "|\n"
      "|---|---|---|---|---|---|---|---|---|---|---|\n";
  const std::vector<ArmTally> tallies = tallies_of(end);
  const std::uint64_t points = points_of(end);
  std::set<std::string> folded;
  for (const ArmTally& tally : tallies) {
    const auto is_alike = [&tally](const ArmTally& other) {
      return other.arm.name == tally.arm.name && other.matched == 0;
    };
    const auto alike = std::count_if(tallies.begin(), tallies.end(), is_alike);
    if (tally.matched > 0 || alike < 2) {
      table += table_row(end, tally, arm_words(tally.arm, points));
      continue;
    }
    if (!folded.insert(tally.arm.name).second) continue;
    ArmTally sum{.arm = tally.arm};
    for (const ArmTally& other : tallies)
      if (is_alike(other)) add_up(other, sum);
    table += table_row(end, sum, std::to_string(alike) + " settings, from: " + arm_words(tally.arm, points));
  }
  return table + "\n";
}

/// Why the intervals are as they are, where that is not to be expected.
std::string sampling_sentence(const CampaignEnd& end) {
  bool leaves_out_last = plain_rate(end).leaves_out_last;
  bool any_time = false;
  for (const ArmTally& tally : tallies_of(end)) {
    const Rate rate = rate_of(end, tally);
    leaves_out_last = leaves_out_last || rate.leaves_out_last;
    any_time = any_time || (rate.matched > 0 && rate.sampling == Sampling::any_time);
  }
  std::string text;
  // Without it 28.6 % for 3 of 8 looks like an error.
  if (leaves_out_last)
    text += "Where " + std::to_string(std::max(2, end.policy.confirmations)) +
            " matched, the rate is (k − 1)/(n − 1) for k matches in n runs: sampling stopped at the k-th match "
            "(inverse sampling), so k/n would be too high.\n\n";
  if (any_time)
    text +=
        "An arm that was left or come back to because of its matches has an interval that holds whenever one stops "
        "(confidence sequence); its rate k/n may still be a little high.\n\n";
  return text;
}

std::string left_out_sentence(const LeftOut& left) {
  if (left.sum() == 0) return {};
  std::string text = "Left out of the rates:";
  const std::pair<std::int64_t, const char*> kinds[] = {{left.contention, "contention"},
                                                        {left.setup_error, "set-up error"},
                                                        {left.infrastructure, "infrastructure"},
                                                        {left.cancelled, "cancelled"},
                                                        {left.lost, "lost"},
                                                        {left.cut_off, "cut off by the budget"},
                                                        {left.runs, "runs of slices that could not be judged"},
                                                        {left.stopped_runs, "runs stopped with their slice"}};
  const char* comma = " ";
  for (const auto& [count, name] : kinds) {
    if (count == 0) continue;
    text += comma + std::to_string(count) + " " + name;
    comma = ", ";
  }
  return text + ".\n\n";
}

std::string dropped_sentence(const CampaignEnd& end) {
  std::string text;
  for (const DroppedArm& arm : end.dropped)
    text += (text.empty() ? "Arms given up: " : "; ") + markdown_text(arm.name) + " (" + markdown_text(arm.why) + ")";
  return text.empty() ? text : text + ".\n\n";
}

std::string different_sentence(const CampaignEnd& end) {
  if (end.different_before_match < 2) return {};
  return std::to_string(end.different_before_match) +
         " runs failed *differently* before any match: compare their logs with CI's before trusting this case.\n\n";
}

}  // namespace

std::string percent_text(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %%", share * 100);
  return text;
}

std::string rates_section(const CampaignEnd& end) {
  std::string text = plain_sentence(end) + " Sampling: " + stopping_rule(end) + ".\n\n" + different_sentence(end);
  if (!end.attempts.empty()) text += arms_table(end);
  return text + sampling_sentence(end) + left_out_sentence(left_out_of(end)) + dropped_sentence(end);
}

std::string differences_section(const CampaignEnd& end) {
  if (end.differences.empty()) return {};
  std::string text = "Otherwise than in CI, what most often matters first:\n\n";
  for (const CiDifference& difference : end.differences)
    text += "- " + markdown_text(difference.what) + ": " + markdown_text(difference.in_ci) + " in CI, here " +
            (difference.here.empty() ? "none" : markdown_text(difference.here)) + "\n";
  return text + "\n";
}

std::string where_section(const CampaignEnd& end) {
  if (!end.where) return {};
  const RaceReport& where = *end.where;
  const std::string looked_at =
      std::to_string(where.matched) + " matched and " + std::to_string(where.passed) + " passed runs looked at";
  if (where.sites.empty()) {
    std::string text = "Where it races: nothing stands out (" + looked_at + ").";
    if (where.matched < enough_matched)
      text += " More matches tell more: `ndreproctl run " + end.campaign.case_name + " --confirmations 20`.";
    return text + "\n\n";
  }
  std::string text = "Where it races (" + looked_at + "; delays there make it fail more often):\n\n";
  for (std::size_t i = 0; i < std::min(where.sites.size(), most_sites); ++i) {
    const RaceSite& site = where.sites[i];
    char ratio[120];
    std::snprintf(ratio, sizeof ratio, "%.3g times as often (95 %% interval %.3g to %.3g)", site.ratio, site.low,
                  site.high);
    text += "- " + markdown_text(site_text(site.place)) + ": " + ratio + "; delayed in " +
            std::to_string(site.matched) + " that matched and " + std::to_string(site.passed) + " that passed" +
            (site.passed == 0 ? ", so it may also run only after the failure" : "") + "\n";
  }
  return text + "\n";
}

std::string recipe_section(const CampaignEnd& end) {
  const AttemptRow* alone = alone_attempt(end);
  if (alone == nullptr) return {};
  const bool has_hit = alone->verdict == Verdict::reproduced;
  const bool is_in_place = alone->reason == in_place;
  std::string doubt = has_hit ? "" : ": it may need something that is not in the case's folder, or more time";
  if (is_in_place) doubt = "; a copy was not tried: " + markdown_text(alone->explanation);
  return "Recipe: " + markdown_text(arm_words(arm_of(*alone), points_of(end))) +
         "; `run_test.sh` does it when it is called without arguments. Run by itself " +
         (is_in_place ? "in place" : "in a copy of the case") + ", it " +
         (has_hit ? "failed as in CI after " : "did not fail as in CI within ") + seconds_text(alone->exposure_ms) +
         " (`logs/run_" + std::to_string(alone->number) + ".log`)" + doubt + ".\n\n";
}

std::string others_section(const CampaignEnd& end) {
  const std::vector<FailureGroup> groups = other_failures(end);
  if (groups.empty()) return {};
  std::int64_t runs = 0;
  for (const FailureGroup& group : groups)
    runs += group.runs;
  std::string text =
      std::to_string(runs) + (runs == 1 ? " other failure was seen:\n\n" : " other failures were seen:\n\n");
  for (std::size_t i = 0; i < std::min(groups.size(), most_groups); ++i) {
    const FailureGroup& group = groups[i];
    text += "- " + std::to_string(group.runs) + " × " + markdown_text(group.text) + ", first in `" + place_text(group) +
            "`" + (group.plain > 0 ? "; " + std::to_string(group.plain) + " unamplified" : "") +
            (group.is_near ? "; of the kind of CI's" : "") + "\n";
  }
  if (groups.size() > most_groups) text += "- and " + std::to_string(groups.size() - most_groups) + " other kinds\n";
  const std::optional<double> purity = purity_of(end, groups);
  if (purity && *purity < pure_enough)
    text += "\nIf other failures pass for CI's no more often than some came near it, at least " +
            percent_text(*purity) + " of the matches are CI's failure.\n";
  return text + "\n";
}

}  // namespace ndr
