#include "supervisor/campaign/verification.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analyzer/assert.hpp"
#include "storage/slice_log.hpp"
#include "storage/strict_json.hpp"

namespace ndr {
namespace {

using TrialJson = nlohmann::ordered_json;

void add_slice(const AttemptRow& row, TrialCount& count) {
  const std::optional<SliceProgress> sum = progress_from(row.slice_json);
  const std::int64_t told = row.runs - row.infrastructure - row.matched - row.different;
  // Some that ended well may have shown the failure all the same, and those of a lost loop are not all told.
  const std::int64_t clean = std::clamp<std::int64_t>(sum ? sum->passed : 0, 0, std::max<std::int64_t>(0, told));
  count.clean += clean;
  count.matched += row.matched;
  count.different += row.different;
  count.unjudged += std::max<std::int64_t>(0, row.runs - clean - row.matched - row.different);
}

void add_single(Verdict verdict, TrialCount& count) {
  switch (verdict) {
    case Verdict::passed:
      ++count.clean;
      return;
    case Verdict::reproduced:
      ++count.matched;
      return;
    case Verdict::different_failure:
    case Verdict::hang:
      ++count.different;
      return;
    case Verdict::timed_out:
    case Verdict::contention:
    case Verdict::setup_error:
    case Verdict::infrastructure:
    case Verdict::cancelled:
    case Verdict::lost:
      ++count.unjudged;
      return;
  }
}

TrialCount count_from(const nlohmann::json& object) {
  TrialCount count;
  object.at("attempts").get_to(count.attempts);
  object.at("clean").get_to(count.clean);
  object.at("matched").get_to(count.matched);
  object.at("different").get_to(count.different);
  object.at("unjudged").get_to(count.unjudged);
  object.at("exposure_ms").get_to(count.exposure_ms);
  return count;
}

bool can_be_tested(const Verification& plan) {
  return plan.before.matched >= 1 && plan.before.clean >= 0 && plan.risk > 0 && plan.risk < 0.5 &&
         plan.broken_rate > 0 && plan.broken_rate < 1 && plan.least_clean >= 0;
}

}  // namespace

std::string_view to_text(TestedBuild build) { return build == TestedBuild::fixed ? "fixed" : "broken"; }

void add_attempt(const AttemptRow& row, TrialCount& count) {
  NDR_ASSERT(row.verdict);
  ++count.attempts;
  count.exposure_ms += row.exposure_ms;
  if (row.slice_json.empty())
    add_single(*row.verdict, count);
  else
    add_slice(row, count);
}

TestedBuild build_of(const AttemptRow& row) {
  return row.subject.starts_with(to_text(TestedBuild::broken)) ? TestedBuild::broken : TestedBuild::fixed;
}

std::string to_json_text(const TrialCount& count) {
  return json_text(TrialJson{{"attempts", count.attempts},
                             {"clean", count.clean},
                             {"matched", count.matched},
                             {"different", count.different},
                             {"unjudged", count.unjudged},
                             {"exposure_ms", count.exposure_ms}});
}

std::string to_json_text(const Verification& plan) {
  TrialJson object{{"against", std::to_string(plan.against.value)},
                   {"arm", plan.arm.name},
                   {"parameters", ordered_json_from(parameters_of(plan.arm))},
                   {"sliced", plan.sliced},
                   {"duration_ms", plan.slice.duration_ms},
                   {"run_limit_ms", plan.slice.run_limit_ms},
                   {"before", ordered_json_from(to_json_text(plan.before))},
                   {"until_matched", plan.until_matched},
                   {"risk", plan.risk},
                   {"broken_rate", plan.broken_rate},
                   {"least_clean", plan.least_clean},
                   {"fixed_checkout", plan.fixed_checkout},
                   {"broken_checkout", plan.broken_checkout},
                   {"fixed_subject", plan.fixed_subject},
                   {"broken_subject", plan.broken_subject}};
  return json_text(object);
}

std::optional<Verification> verification_from(const std::string& json) {
  try {
    const auto object = json_from(json);
    Verification plan;
    plan.against = CampaignId{std::stoll(object.at("against").get<std::string>())};
    const auto arm = arm_from(object.at("arm").get<std::string>(), json_text(object.at("parameters")));
    if (!arm) return std::nullopt;
    plan.arm = *arm;
    object.at("sliced").get_to(plan.sliced);
    object.at("duration_ms").get_to(plan.slice.duration_ms);
    object.at("run_limit_ms").get_to(plan.slice.run_limit_ms);
    plan.slice.enough_matches = 0;
    plan.before = count_from(object.at("before"));
    object.at("until_matched").get_to(plan.until_matched);
    object.at("risk").get_to(plan.risk);
    object.at("broken_rate").get_to(plan.broken_rate);
    object.at("least_clean").get_to(plan.least_clean);
    object.at("fixed_checkout").get_to(plan.fixed_checkout);
    object.at("broken_checkout").get_to(plan.broken_checkout);
    object.at("fixed_subject").get_to(plan.fixed_subject);
    object.at("broken_subject").get_to(plan.broken_subject);
    return can_be_tested(plan) ? std::optional{plan} : std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  } catch (const std::logic_error&) {  // the campaign's id is no number
    return std::nullopt;
  }
}

}  // namespace ndr
