#include <nlohmann/json.hpp>

#include "analyzer/utf8.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/campaign/report.hpp"
#include "supervisor/campaign/verify.hpp"

namespace ndr {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Rate& rate) {
  Json json{{"runs", rate.runs}, {"matched", rate.matched}};
  if (rate.runs == 0) return json;
  json["rate"] = rate.rate;
  json["low"] = rate.low;
  json["high"] = rate.high;
  if (rate.matched == 0) json["bound"] = rate.high;
  return json;
}

Json json_of(const CampaignEnd& end, const ArmTally& tally) {
  Json json{{"arm", tally.arm.name}, {"parameters", ordered_json_from(parameters_of(tally.arm))}};
  json.update(json_of(rate_of(tally.runs, tally.matched, ran_until_matched(end, tally.matched))));
  json["attempts"] = tally.attempts;
  json["different"] = tally.different;
  json["hangs"] = tally.hangs;
  json["timed_out"] = tally.timed_out;
  json["iterations"] = tally.iterations;
  json["exposure_ms"] = tally.exposure_ms;
  return json;
}

Json arms_json(const CampaignEnd& end) {
  Json arms = Json::array();
  for (const ArmTally& tally : tallies_of(end))
    if (tally.arm.name != "plain") arms.push_back(json_of(end, tally));
  return arms;
}

Json json_of(const LeftOut& left) {
  return {{"contention", left.contention},
          {"setup_error", left.setup_error},
          {"infrastructure", left.infrastructure},
          {"cancelled", left.cancelled},
          {"lost", left.lost},
          {"cut_off", left.cut_off}};
}

Json json_of(const FirstMatch& match) {
  Json json{{"attempt", match.row.case_name + "/" + std::to_string(match.row.number)},
            {"number", match.row.number},
            {"arm", match.row.arm},
            {"parameters", ordered_json_from(match.row.parameters)},
            {"seed", std::to_string(match.row.seed)},
            {"grade", match.row.match_grade ? Json(*match.row.match_grade) : Json(nullptr)},
            {"log", match.log},
            {"offset", match.offset ? Json(*match.offset) : Json(nullptr)},
            {"excerpt", to_utf8(match.excerpt)}};
  if (json["parameters"].is_discarded()) json["parameters"] = nullptr;
  return json;
}

Json resets_json(const CampaignEnd& end) {
  Json resets = Json::array();
  for (const ResetRow& row : end.resets)
    resets.push_back({{"board", row.board},
                      {"result", row.result ? Json(to_text(*row.result)) : Json(nullptr)},
                      {"duration_ms", row.duration_ms},
                      {"reason", to_utf8(row.reason)}});
  return resets;
}

std::int64_t confirmations_of(const CampaignEnd& end) {
  std::int64_t matched = 0;
  for (const AttemptRow& row : end.attempts)
    matched += row.verdict == Verdict::reproduced ? 1 : 0;
  return matched;
}

}  // namespace

std::string report_json(const CampaignEnd& end) {
  Json report{{"outcome", to_text(end.finish.outcome)},
              {"reason", to_utf8(end.finish.reason)},
              {"plain", json_of(plain_rate(end))},
              {"amplified", arms_json(end)},
              {"left_out", json_of(left_out_of(end))},
              {"attempts", end.attempts.size()},
              {"matched_attempts", confirmations_of(end)},
              {"confirmations_wanted", end.policy.confirmations},
              {"different_before_match", end.different_before_match},
              {"stopping_rule", stopping_rule(end)},
              {"interval", "Clopper-Pearson, 95 %; without a match the one-sided 95 % bound"},
              {"spent_ms", end.campaign.spent_ms},
              {"budget_ms", end.campaign.budget_ms},
              {"seed", std::to_string(end.campaign.seed)},
              {"first_match", end.first_match ? json_of(*end.first_match) : Json(nullptr)},
              {"resets", resets_json(end)},
              {"comparison", to_utf8(comparison(end))},
              {"next_command", next_command(end)}};
  if (end.policy.verification) {
    const Progress now = progress_from(end.policy, end.attempts, end.campaign.spent_ms, false, "");
    report["verification"] = ordered_json_from(verification_json(end.policy, now));
  }
  return json_text(report);
}

}  // namespace ndr
