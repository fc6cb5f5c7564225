#include "supervisor/campaign/replay.hpp"

#include <nlohmann/json.hpp>
#include <system_error>

#include "storage/atomic_file.hpp"
#include "storage/case_folder.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/campaign/policy.hpp"
#include "supervisor/clock.hpp"

namespace ndr {
namespace {

constexpr int most_times = 1000;
constexpr std::uint64_t largest_spec = 4u << 20;

Checked<AttemptSpec> spec_in(const std::filesystem::path& file) {
  const std::string remedy = "what an attempt was given is kept beside its log; without that it cannot be repeated";
  try {
    const Checked<AttemptSpec> spec = attempt_spec_from(read_file(file, largest_spec));
    if (spec.has_error()) return Refusal{file.string(), to_text(spec.error()), remedy};
    return *spec;
  } catch (const std::system_error& error) {
    return Refusal{file.string(), error.code().message(), remedy};
  }
}

SlicePlan plan_of(const SliceSpec& slice) {
  SlicePlan plan;
  plan.duration_ms = slice.duration_ms;
  plan.run_limit_ms = slice.run_limit_ms;
  plan.runs = slice.runs;
  return plan;
}

}  // namespace

Checked<CampaignRow> replay_order(const ReplayRequest& request, const AttemptRow& attempt, const CampaignRow& of,
                                  const CaseRow& of_case, const Settings& settings) {
  if (request.times < 1 || request.times > most_times) return Refusal{"times", "must be between 1 and 1000", ""};
  if (!attempt.verdict) return Refusal{"attempt", "has not ended yet", "wait for its end"};
  Checked<CaseFolder> folder =
      find_case_folder(of_case.folder, settings.case_roots, settings.allow_network_file_systems);
  if (folder.has_error()) return folder.error();
  if (Checked<void> script = check_run_script(*folder); script.has_error()) return script.error();
  const Checked<AttemptSpec> spec = spec_in(AttemptFolder{folder->attempt(attempt.number)}.spec());
  if (spec.has_error()) return spec.error();
  std::optional<Policy> policy = policy_from(of.policy_json);
  const std::optional<Arm> arm = arm_from(attempt.arm, attempt.parameters);
  if (!policy || !arm) return Refusal{"attempt", "its rows cannot be read", "it may be of a newer ndreprod"};
  Replay replay{attempt.id, of_case.name + "/" + std::to_string(attempt.number), *arm, attempt.seed};
  if (spec->slice) replay.slice = plan_of(*spec->slice);
  replay.deadline_ms = spec->deadline_ms;
  replay.times = request.times;
  policy->mode = CampaignMode::replay;
  policy->seed = attempt.seed;
  policy->verification.reset();
  // Time is no limit of its own: so many times, and each no longer than the first.
  policy->budget_ms = (replay.deadline_ms + 60000) * replay.times;
  policy->replay = std::move(replay);
  CampaignRow row;
  row.case_id = of_case.id;
  row.case_name = of_case.name;
  row.mode = CampaignMode::replay;
  row.boards = of.boards;
  row.signature_json = of.signature_json;
  row.policy_json = to_json_text(*policy);
  row.seed = attempt.seed;
  row.budget_ms = policy->budget_ms;
  row.requested_by = request.requested_by;
  row.created_at_ms = wall_ms();
  return row;
}

std::string to_json_text(const Replay& replay) {
  nlohmann::ordered_json json{{"of", replay.of.value},
                              {"attempt", replay.attempt},
                              {"arm", replay.arm.name},
                              {"parameters", parameters_of(replay.arm)},
                              {"seed", std::to_string(replay.seed)},
                              {"deadline_ms", replay.deadline_ms},
                              {"times", replay.times}};
  if (replay.slice)
    json["slice"] = {{"duration_ms", replay.slice->duration_ms},
                     {"run_limit_ms", replay.slice->run_limit_ms},
                     {"runs", replay.slice->runs},
                     {"enough_matches", replay.slice->enough_matches}};
  return json_text(json);
}

std::optional<Replay> replay_from(const std::string& text) try {
  const nlohmann::json json = json_from(text);
  Replay replay;
  replay.of.value = json.at("of").get<std::int64_t>();
  replay.attempt = json.at("attempt").get<std::string>();
  const auto arm = arm_from(json.at("arm").get<std::string>(), json.at("parameters").get<std::string>());
  if (!arm) return std::nullopt;
  replay.arm = *arm;
  replay.seed = std::stoull(json.at("seed").get<std::string>());
  replay.deadline_ms = json.at("deadline_ms").get<std::int64_t>();
  replay.times = json.at("times").get<int>();
  if (!json.contains("slice")) return replay;
  SlicePlan& slice = replay.slice.emplace();
  json.at("slice").at("duration_ms").get_to(slice.duration_ms);
  json.at("slice").at("run_limit_ms").get_to(slice.run_limit_ms);
  json.at("slice").at("runs").get_to(slice.runs);
  json.at("slice").at("enough_matches").get_to(slice.enough_matches);
  return replay;
} catch (const nlohmann::json::exception&) {
  return std::nullopt;
} catch (const std::logic_error&) {  // the seed is no number
  return std::nullopt;
}

}  // namespace ndr
