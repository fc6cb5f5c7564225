#include "supervisor/campaign/results_page.hpp"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "analyzer/printed_text.hpp"
#include "analyzer/utf8.hpp"
#include "storage/record_json.hpp"
#include "supervisor/campaign/story.hpp"
#include "supervisor/clock.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_others = 10;

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %%", share * 100);
  return text;
}

std::string certainty(const Rate& rate) {
  if (rate.runs == 0) return "–";
  if (rate.matched == 0) return "below " + percent(rate.high);
  return percent(rate.rate) + " (" + percent(rate.low) + " to " + percent(rate.high) + ")";
}

std::string plain_sentence(const Rate& rate) {
  if (rate.runs == 0) return "No unamplified run could be judged.";
  const std::string counted = std::to_string(rate.matched) + " of " + std::to_string(rate.runs);
  if (rate.matched == 0)
    return "Unamplified, " + counted + " runs matched: with 95 % certainty the rate is below " + percent(rate.high) +
           " a run. That is no proof that it cannot fail here.";
  return "Unamplified, " + counted + " runs matched: " + percent(rate.rate) + " a run (95 % interval " +
         percent(rate.low) + " to " + percent(rate.high) + ").";
}

std::string iterations_text(const Arm& arm) { return arm.iterations == 0 ? "default" : std::to_string(arm.iterations); }

std::string arms_table(const CampaignEnd& end) {
  std::string table =
      "| arm | workers | iterations | runs | matched | rate (95 %) | other failure | hang | cut off |\n"
      "|---|---|---|---|---|---|---|---|---|\n";
  for (const ArmTally& tally : tallies_of(end)) {
    std::ostringstream row;
    row << "| " << markdown_text(tally.arm.name) << " | " << tally.arm.workers << " | " << iterations_text(tally.arm)
        << " | " << tally.runs << " | " << tally.matched << " | "
        << certainty(rate_of(tally.runs, tally.matched, ran_until_matched(end, tally.matched))) << " | "
        << tally.different << " | " << tally.hangs << " | " << tally.timed_out << " |\n";
    table += row.str();
  }
  return table;
}

/// Without it 28.6 % for 3 of 8 looks like an error.
std::string sampling_sentence(const CampaignEnd& end) {
  bool shown = plain_rate(end).until_matched;
  for (const ArmTally& tally : tallies_of(end))
    shown = shown || rate_of(tally.runs, tally.matched, ran_until_matched(end, tally.matched)).until_matched;
  if (!shown) return {};
  return "Where " + std::to_string(std::max(2, end.policy.confirmations)) +
         " or more matched, the rate is (k − 1)/(n − 1) for k matches in n runs: sampling stopped at the k-th match "
         "(inverse sampling), so k/n would be too high.\n\n";
}

std::string left_out_sentence(const LeftOut& left) {
  if (left.sum() == 0) return {};
  std::string text = "Left out of the rates:";
  const std::pair<std::int64_t, const char*> kinds[] = {{left.contention, "contention"},
                                                        {left.setup_error, "set-up error"},
                                                        {left.infrastructure, "infrastructure"},
                                                        {left.cancelled, "cancelled"},
                                                        {left.lost, "lost"},
                                                        {left.cut_off, "cut off by the budget"}};
  const char* comma = " ";
  for (const auto& [count, name] : kinds) {
    if (count == 0) continue;
    text += comma + std::to_string(count) + " " + name;
    comma = ", ";
  }
  return text + ".\n\n";
}

std::string different_sentence(const CampaignEnd& end) {
  if (end.different_before_match < 2) return {};
  return std::to_string(end.different_before_match) +
         " runs failed *differently* before any match: compare their logs with CI's before trusting this case.\n\n";
}

std::string wanted_sentence(const WantedFailure& wanted) {
  if (wanted.type.empty()) return {};
  std::string text = "CI's failure: " + (wanted.test.empty() ? "" : markdown_text(wanted.test) + ", ") + wanted.type;
  if (!wanted.exception.empty()) text += ", **" + markdown_text(wanted.exception) + "**";
  if (!wanted.message.empty()) text += ": " + markdown_text(wanted.message);
  if (!wanted.site.empty()) text += ", raised at " + markdown_text(wanted.site);
  if (!wanted.log.empty()) text += " (" + markdown_text(wanted.log) + ")";
  return text + ".\n\n";
}

/// The name of a field whose value is the same on both sides; nothing for other reasons.
std::string_view agreeing_field(std::string_view reason) {
  constexpr std::string_view equals = " = ";
  const std::size_t colon = reason.find(": ");
  if (colon == std::string_view::npos) return {};
  const std::string_view values = reason.substr(colon + 2);
  if (values.size() < equals.size() || (values.size() - equals.size()) % 2 != 0) return {};
  const std::size_t half = (values.size() - equals.size()) / 2;
  const bool same =
      values.substr(half, equals.size()) == equals && values.substr(0, half) == values.substr(half + equals.size());
  return same ? reason.substr(0, colon) : std::string_view{};
}

/// What agreed by its name, what did not with both values.
std::string grading_sentence(const AttemptRow& row) {
  if (!row.match_grade) return {};
  std::string same;
  std::string others;
  for (const std::string& reason : texts_from(row.match_reasons)) {
    const std::string_view field = agreeing_field(reason);
    if (field.empty())
      others += "; " + markdown_text(reason);
    else
      same += (same.empty() ? "" : ", ") + markdown_text(std::string{field});
  }
  std::string text = "Graded *" + markdown_text(*row.match_grade) + "* against CI's failure";
  if (!same.empty()) text += "; the same: " + same;
  return text + others + ".\n\n";
}

std::string first_match_section(const CampaignEnd& end) {
  if (!end.first_match) return {};
  const FirstMatch& match = *end.first_match;
  std::string text = "First match: attempt " + std::to_string(match.row.number) + ", arm " +
                     markdown_text(match.row.arm) + ", `" + match.log + "`";
  if (match.offset) text += " at byte " + std::to_string(*match.offset);
  text += ".\n\n" + grading_sentence(match.row);
  return match.excerpt.empty() ? text : text + markdown_block(to_utf8(match.excerpt), "text") + "\n";
}

std::string resets_sentence(const CampaignEnd& end) {
  if (end.resets.empty()) return {};
  const auto good = std::count_if(end.resets.begin(), end.resets.end(),
                                  [](const ResetRow& row) { return row.result == ResetResult::verified; });
  return "Board resets: " + std::to_string(end.resets.size()) + ", of which " + std::to_string(good) + " verified.\n\n";
}

std::string attempts_text(std::size_t count) { return std::to_string(count) + (count == 1 ? " attempt" : " attempts"); }

/// Above the result of an earlier campaign.
std::string newest_sentence(const CampaignEnd& end) {
  if (!end.newest) return {};
  const CampaignRow& row = end.newest->row;
  std::string text = "The newest campaign, " + std::to_string(row.id.value) + ", ended";
  if (row.outcome) text += " as **" + std::string{to_text(*row.outcome)} + "**";
  if (row.ended_at_ms) text += " on " + to_rfc3339(*row.ended_at_ms);
  text += " after " + attempts_text(end.newest->attempts) + " (" + markdown_text(row.reason);
  if (row.mode == CampaignMode::verify || row.mode == CampaignMode::replay)
    return text + "). What follows is how it failed before, of campaign " + std::to_string(end.campaign.id.value) +
           ".\n\n";
  text += "; " + std::to_string(end.newest->plain.matched) + " of " + std::to_string(end.newest->plain.runs) +
          " unamplified runs matched). What follows is the best answer so far, of campaign " +
          std::to_string(end.campaign.id.value) + ".\n\n";
  return text;
}

std::string others_section(const CampaignEnd& end) {
  if (end.others.empty()) return {};
  std::string text{end.newest ? "Other campaigns:" : "Earlier campaigns:"};
  text += "\n\n| campaign | ended | outcome | reason |\n|---|---|---|---|\n";
  for (std::size_t i = 0; i < std::min(end.others.size(), most_others); ++i) {
    const CampaignRow& row = end.others[i];
    text += "| " + std::to_string(row.id.value) + " | " + (row.ended_at_ms ? to_rfc3339(*row.ended_at_ms) : "–") +
            " | " + (row.outcome ? std::string{to_text(*row.outcome)} : "–") + " | " + markdown_text(row.reason) +
            " |\n";
  }
  return text + "\n";
}

const char* unknown_here =
    "Not known here: CI's machine, its load, its firmware and what ran before the test there were not replicated, only "
    "what `run_test.sh` sets up. The rates are those of this host, under these arms.\n\n";

}  // namespace

std::string results_block(const CampaignEnd& end) {
  std::string block{results_begin};
  block += "\n## Results\n\n" + newest_sentence(end) + "**" + std::string{to_text(end.finish.outcome)} +
           "**: " + markdown_text(end.finish.reason) + ". Campaign " + std::to_string(end.campaign.id.value) + ", " +
           to_rfc3339(end.ended_at_ms) + ", " + attempts_text(end.attempts.size()) + " in " +
           seconds_text(end.campaign.spent_ms) + " of " + seconds_text(end.campaign.budget_ms) + ", seed " +
           std::to_string(end.campaign.seed) + ".\n\n";
  block += wanted_sentence(end.wanted);
  block += plain_sentence(plain_rate(end)) + " Sampling: " + stopping_rule(end) + ".\n\n";
  block += different_sentence(end);
  if (!end.attempts.empty()) block += arms_table(end) + "\n";
  block += sampling_sentence(end);
  block += left_out_sentence(left_out_of(end)) + resets_sentence(end) + first_match_section(end);
  if (const std::string text = comparison(end); !text.empty())
    block += "Last different failure, " + markdown_text(text) + ".\n\n";
  block += "Next: `" + next_command(end) + "`\n\n";
  block += unknown_here;
  block += others_section(end);
  block += results_end;
  return block;
}

std::string with_results(const std::string& page, const std::string& case_name, const std::string& block) {
  const std::size_t first = page.find(results_begin);
  const std::size_t end = first == std::string::npos ? first : page.find(results_end, first);
  // An older block may have lost its end marker; what people wrote below it is not ours.
  const std::size_t begin = end == std::string::npos ? end : page.rfind(results_begin, end);
  if (end != std::string::npos) return page.substr(0, begin) + block + page.substr(end + results_end.size());
  if (page.empty())
    return "# " + case_name +
           "\n\nRuns alone, from any directory: `./run_test.sh`. CI's logs are in `logs/`, "
           "beside one `run_N.log` for each attempt.\n\n" +
           block + "\n";
  return page + (page.back() == '\n' ? "\n" : "\n\n") + block + "\n";
}

}  // namespace ndr
