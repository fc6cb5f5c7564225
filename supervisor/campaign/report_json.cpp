#include <nlohmann/json.hpp>

#include "analyzer/utf8.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/campaign/arm_words.hpp"
#include "supervisor/campaign/failure_groups.hpp"
#include "supervisor/campaign/report.hpp"
#include "supervisor/campaign/verify.hpp"

namespace ndr {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const CampaignEnd& end, const Rate& rate) {
  Json json{{"runs", rate.runs}, {"matched", rate.matched}};
  if (rate.runs == 0) return json;
  json["rate"] = rate.rate;
  json["low"] = rate.low;
  json["high"] = rate.high;
  if (rate.matched == 0) json["bound"] = rate.high;
  json["stopping"] = rule_text(rate, end.policy.confirmations);
  if (rate.exposure_ms <= 0) return json;
  json[rate.matched > 0 ? "per_minute" : "bound_per_minute"] = rate.per_minute();
  return json;
}

Json json_of(const CampaignEnd& end, const ArmTally& tally) {
  Json json{{"arm", tally.arm.name}, {"parameters", ordered_json_from(parameters_of(tally.arm))}};
  json["words"] = arm_words(tally.arm, points_of(end));
  json.update(json_of(end, rate_of(end, tally)));
  json["attempts"] = tally.attempts;
  json["different"] = tally.different;
  json["hangs"] = tally.hangs;
  json["timed_out"] = tally.timed_out;
  json["iterations"] = tally.iterations;
  json["exposure_ms"] = tally.exposure_ms;
  return json;
}

Json plain_json(const CampaignEnd& end) {
  const ArmTally plain = plain_tally(end);
  Json json = json_of(end, plain_rate(end));
  json["attempts"] = plain.attempts;
  json["exposure_ms"] = plain.exposure_ms;
  return json;
}

Json dropped_json(const CampaignEnd& end) {
  Json dropped = Json::array();
  for (const DroppedArm& arm : end.dropped)
    dropped.push_back({{"arm", arm.name}, {"why", to_utf8(arm.why)}});
  return dropped;
}

Json json_of(const RaceSite& site) {
  return {{"function", to_utf8(site.place.function)},
          {"file", to_utf8(site.place.file)},
          {"line", site.place.line},
          {"module", to_utf8(site.place.module)},
          {"offset", site.place.offset},
          {"ratio", site.ratio},
          {"low", site.low},
          {"high", site.high},
          {"adjusted_p", site.adjusted_p},
          {"matched", site.matched},
          {"passed", site.passed}};
}

Json differences_json(const CampaignEnd& end) {
  Json differences = Json::array();
  for (const CiDifference& difference : end.differences)
    differences.push_back({{"what", to_utf8(difference.what)},
                           {"in_ci", to_utf8(difference.in_ci)},
                           {"here", difference.here.empty() ? Json(nullptr) : Json(to_utf8(difference.here))}});
  return differences;
}

Json where_json(const CampaignEnd& end) {
  if (!end.where) return nullptr;
  Json sites = Json::array();
  for (const RaceSite& site : end.where->sites)
    sites.push_back(json_of(site));
  return {{"matched", end.where->matched},
          {"passed", end.where->passed},
          {"places", end.where->looked_at},
          {"sites", std::move(sites)}};
}

Json others_json(const std::vector<FailureGroup>& groups) {
  Json others = Json::array();
  for (const FailureGroup& group : groups)
    others.push_back({{"text", to_utf8(group.text)},
                      {"runs", group.runs},
                      {"plain_runs", group.plain},
                      {"near", group.is_near},
                      {"first", {{"number", group.number}, {"run", group.run}, {"log", place_text(group)}}}});
  return others;
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
          {"cut_off", left.cut_off},
          {"runs", left.runs},
          {"stopped_runs", left.stopped_runs}};
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
  if (!match.run) return json;
  json["run"] = match.run->run;
  json["copy"] = match.run->copy;
  json["run_seed"] = std::to_string(match.run->seed);
  json["grade"] = match.run->match_grade ? Json(*match.run->match_grade) : Json(nullptr);
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

Json recipe_json(const CampaignEnd& end) {
  const AttemptRow* alone = alone_attempt(end);
  if (alone == nullptr) return nullptr;
  return {{"words", arm_words(arm_of(*alone), points_of(end))},
          {"parameters", json_from(alone->parameters)},
          {"attempt", alone->number},
          {"verdict", alone->verdict ? Json(to_text(*alone->verdict)) : Json(nullptr)},
          {"exposure_ms", alone->exposure_ms}};
}

}  // namespace

std::string report_json(const CampaignEnd& end) {
  const std::vector<FailureGroup> others = other_failures(end);
  const std::optional<double> purity = purity_of(end, others);
  Json report{{"outcome", to_text(end.finish.outcome)},
              {"reason", to_utf8(end.finish.reason)},
              {"plain", plain_json(end)},
              {"amplified", arms_json(end)},
              {"dropped", dropped_json(end)},
              {"left_out", json_of(left_out_of(end))},
              {"other_failures", others_json(others)},
              {"purity", purity ? Json(*purity) : Json(nullptr)},
              {"attempts", end.attempts.size()},
              {"matched_attempts", confirmations_of(end)},
              {"confirmations_wanted", end.policy.confirmations},
              {"different_before_match", end.different_before_match},
              {"stopping_rule", stopping_rule(end)},
              {"interval", "95 %, by each arm's rule of stopping; without a match the one-sided bound"},
              {"spent_ms", end.campaign.spent_ms},
              {"budget_ms", end.campaign.budget_ms},
              {"seed", std::to_string(end.campaign.seed)},
              {"first_match", end.first_match ? json_of(*end.first_match) : Json(nullptr)},
              {"where", where_json(end)},
              {"recipe", recipe_json(end)},
              {"resets", resets_json(end)},
              {"comparison", to_utf8(comparison(end))},
              {"differences", differences_json(end)},
              {"next_command", next_command(end)},
              {"next_reason", next_reason(end)}};
  if (end.policy.verification) {
    const Progress now = progress_from(end.policy, end.attempts, end.campaign.spent_ms, false, "");
    report["verification"] = ordered_json_from(verification_json(end.policy, now));
  }
  return json_text(report);
}

}  // namespace ndr
