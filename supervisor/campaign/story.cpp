#include "supervisor/campaign/story.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "analyzer/statistics/gamma_poisson.hpp"
#include "analyzer/statistics/interval.hpp"
#include "analyzer/utf8.hpp"
#include "storage/record_json.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/campaign/arm_words.hpp"
#include "supervisor/campaign/verify.hpp"

namespace ndr {
namespace {

using Json = nlohmann::ordered_json;

EventRow campaign_step(const CampaignRow& campaign, Json body, std::int64_t at_ms) {
  EventRow event;
  event.at_ms = at_ms;
  event.type = "campaign.step";
  event.campaign_id = campaign.id;
  event.subject = campaign.case_name;
  event.body = json_text(body);
  return event;
}

constexpr int usual_copies = 4;
constexpr double plain_share = 0.1;  // of the time of slices, for plain runs

/// What amplified runs show in this budget.
struct SlicedSight {
  double runs = 0;
  double smallest_rate = 1;  // of runs, seen with 90 %
  double longest_s = 0;      // between failures
};

SlicedSight sliced_sight(const Policy& policy) {
  const double exposure_s =
      static_cast<double>(policy.budget_ms) / 1000 * (1 - confirmation_reserve) * (1 - plain_share);
  const double run_s = static_cast<double>(std::max<std::int64_t>(1, policy.expected_attempt_ms)) / 1000;
  // Copies beyond the CPUs only help where runs wait; that is not known.
  const double copies = std::min<double>(usual_copies, std::max(1u, std::thread::hardware_concurrency()));
  SlicedSight sight{.runs = std::floor(exposure_s / run_s * copies)};
  if (sight.runs >= 1) sight.smallest_rate = smallest_rate_seen(static_cast<std::int64_t>(sight.runs));
  if (exposure_s > 0) sight.longest_s = 1 / smallest_rate_per_second_seen(exposure_s);
  return sight;
}

std::string sliced_text(const Policy& policy) {
  const SlicedSight sight = sliced_sight(policy);
  if (sight.runs < 1) return {};
  char text[250];
  std::snprintf(
      text, sizeof text,
      "; amplified, about %.0f runs side by side: what then fails in more than %.2g %% of them, or more often "
      "than once in %s",
      sight.runs, sight.smallest_rate * 100, short_time(sight.longest_s).c_str());
  return text;
}

std::string sight_text(const Policy& policy, bool assumed) {
  const double percent = smallest_visible_rate(policy) * 100;
  const double run_s = static_cast<double>(policy.expected_attempt_ms) / 1000;
  const char* guess = assumed ? ", which is a guess" : "";
  char text[250];
  if (percent >= 99)
    std::snprintf(text, sizeof text,
                  "this budget has room for one or two plain runs of %.1f s%s: it shows only what nearly always fails",
                  run_s, guess);
  else
    std::snprintf(text, sizeof text,
                  "with plain runs alone, of %.1f s%s, this budget would show with 90 %% a failure that occurs in more "
                  "than %.2g %% of them",
                  run_s, guess, percent);
  return text + (policy.slices ? sliced_text(policy) : std::string{});
}

EventRow forecast_event(const CampaignRow& campaign, const Policy& policy, std::int64_t at_ms) {
  const TrialForecast forecast = forecast_of(*policy.verification);
  Json body{{"step", "forecast"},
            {"clean_runs", forecast.clean_runs},
            {"duration_ms", forecast.duration_ms},
            {"text", forecast_text(policy)}};
  return campaign_step(campaign, std::move(body), at_ms);
}

}  // namespace

EventRow campaign_state_event(const CampaignRow& row, std::int64_t at_ms) {
  EventRow event;
  event.at_ms = at_ms;
  event.type = "campaign.state";
  event.campaign_id = row.id;
  event.subject = row.case_name;
  event.body = to_json_text(row);
  return event;
}

EventRow attempt_state_event(const AttemptRow& row, std::int64_t at_ms) {
  EventRow event;
  event.at_ms = at_ms;
  event.type = "attempt.state";
  event.campaign_id = row.campaign_id;
  event.attempt_id = row.id;
  event.subject = row.case_name;
  event.body = to_json_text(row);
  return event;
}

EventRow board_state_event(const BoardRow& row, std::optional<CampaignId> campaign, std::int64_t at_ms) {
  EventRow event;
  event.at_ms = at_ms;
  event.type = "board.state";
  event.campaign_id = campaign;
  event.subject = row.name;
  event.body = to_json_text(row);
  return event;
}

EventRow step_event(const CampaignRow& campaign, const RunAttempt& step, int number, std::int64_t at_ms) {
  Json body{{"step", "attempt"},
            {"phase", to_text(step.phase)},
            {"arm", step.arm.name},
            {"parameters", ordered_json_from(parameters_of(step.arm))},
            {"number", number},
            {"seed", std::to_string(step.seed)},
            {"deadline_ms", step.deadline_ms}};
  return campaign_step(campaign, std::move(body), at_ms);
}

EventRow step_event(const CampaignRow& campaign, const std::vector<std::string>& boards, std::int64_t at_ms) {
  return campaign_step(campaign, Json{{"step", "reset"}, {"boards", boards}}, at_ms);
}

EventRow step_event(const CampaignRow& campaign, const Finish& step, std::int64_t at_ms) {
  Json body{{"step", "finish"}, {"outcome", to_text(step.outcome)}, {"reason", to_utf8(step.reason)}};
  return campaign_step(campaign, std::move(body), at_ms);
}

EventRow budget_event(const CampaignRow& campaign, const Policy& policy, bool assumed, std::int64_t at_ms) {
  if (policy.verification) return forecast_event(campaign, policy, at_ms);
  Json body{
      {"step", "budget"},
      {"smallest_visible_rate", smallest_visible_rate(policy)},
      {"expected_attempt_ms", policy.expected_attempt_ms},
      {"assumed", assumed},
      {"smallest_visible_amplified_rate", policy.slices ? Json(sliced_sight(policy).smallest_rate) : Json(nullptr)},
      {"text", sight_text(policy, assumed)}};
  return campaign_step(campaign, std::move(body), at_ms);
}

EventRow trial_event(const CampaignRow& campaign, const Policy& policy, const Progress& now, std::int64_t at_ms) {
  const Verification& plan = *policy.verification;
  Json body{{"step", "trial"},
            {"clean_runs_to_go", clean_runs_to_go(plan, now)},
            {"fixed", ordered_json_from(to_json_text(now.fixed_runs))},
            {"broken", plan.has_controls() ? ordered_json_from(to_json_text(now.broken_runs)) : Json()},
            {"text", trial_text(plan, now)}};
  return campaign_step(campaign, std::move(body), at_ms);
}

EventRow note_event(const CampaignRow& campaign, const std::string& text, std::int64_t at_ms) {
  return campaign_step(campaign, Json{{"step", "note"}, {"text", to_utf8(text)}}, at_ms);
}

std::string to_json_text(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts)
    list.push_back(to_utf8(text));
  return json_text(list);
}

std::vector<std::string> texts_from(const std::string& json) {
  const auto list = json_from(json);
  std::vector<std::string> texts;
  if (!list.is_array()) return texts;
  for (const auto& item : list)
    if (item.is_string()) texts.push_back(item.get<std::string>());
  return texts;
}

}  // namespace ndr
