#include "supervisor/campaign/results_page.hpp"

#include <algorithm>

#include "analyzer/printed_text.hpp"
#include "analyzer/utf8.hpp"
#include "storage/record_json.hpp"
#include "supervisor/campaign/results_rates.hpp"
#include "supervisor/campaign/story.hpp"
#include "supervisor/clock.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_others = 10;

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
std::string grading_sentence(const std::optional<std::string>& grade, const std::string& reasons) {
  if (!grade) return {};
  std::string same;
  std::string others;
  for (const std::string& reason : texts_from(reasons)) {
    const std::string_view field = agreeing_field(reason);
    if (field.empty())
      others += "; " + markdown_text(reason);
    else
      same += (same.empty() ? "" : ", ") + markdown_text(std::string{field});
  }
  std::string text = "Graded *" + markdown_text(*grade) + "* against CI's failure";
  if (!same.empty()) text += "; the same: " + same;
  return text + others + ".\n\n";
}

/// Which run of a slice it was.
std::string run_text(const FirstMatch& match) {
  if (!match.run) return {};
  return ", run " + std::to_string(match.run->run) + " of the slice (copy " + std::to_string(match.run->copy) +
         ", seed " + std::to_string(match.run->seed) + ")";
}

std::string first_match_section(const CampaignEnd& end) {
  if (!end.first_match) return {};
  const FirstMatch& match = *end.first_match;
  const std::optional<std::string>& grade = match.run ? match.run->match_grade : match.row.match_grade;
  const std::string& reasons = match.run ? match.run->match_reasons : match.row.match_reasons;
  std::string text = "First match: attempt " + std::to_string(match.row.number) + ", arm " +
                     markdown_text(match.row.arm) + run_text(match) + ", `" + match.log + "`";
  if (match.offset) text += " at byte " + std::to_string(*match.offset);
  text += ".\n\n" + grading_sentence(grade, reasons);
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

std::string campaigns_section(const CampaignEnd& end) {
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
  block += rates_section(end) + resets_sentence(end) + first_match_section(end) + where_section(end) +
           recipe_section(end) + others_section(end) + differences_section(end);
  if (const std::string text = comparison(end); !text.empty())
    block += "Last different failure, " + markdown_text(text) + ".\n\n";
  const std::string reason = next_reason(end);
  block += "Next: `" + next_command(end) + "`" + (reason.empty() ? "" : " (" + reason + ")") + "\n\n";
  block += unknown_here;
  block += campaigns_section(end);
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
