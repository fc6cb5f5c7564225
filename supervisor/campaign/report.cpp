#include "supervisor/campaign/report.hpp"

#include <algorithm>

#include "storage/evidence_json.hpp"
#include "supervisor/run/verdict.hpp"

namespace ndr {
namespace {

std::string quoted(const std::string& word) {
  const bool plain = !word.empty() && word.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789_./=-+:,@%") == std::string::npos;
  if (plain) return word;
  std::string text = "'";
  for (const char c : word)
    text += c == '\'' ? std::string{"'\\''"} : std::string(1, c);
  return text + "'";
}

using Variables = std::vector<std::pair<std::string, std::string>>;

void put_variable(Variables& variables, const std::string& name, const std::string& value) {
  for (auto& [there, its_value] : variables)
    if (there == name) {
      its_value = value;
      return;
    }
  variables.emplace_back(name, value);
}

/// The script with the environment of case.yaml and these, which come later; as the attempts were run.
std::string script_command(const CampaignEnd& end, const Invocation& made) {
  Variables variables = end.environment;
  for (const auto& [name, value] : made.environment)
    put_variable(variables, name, value);
  std::string command;
  for (const auto& [name, value] : variables)
    command += name + "=" + quoted(value) + " ";
  command += "./run_test.sh";
  for (const std::string& word : made.arguments)
    command += " " + quoted(word);
  return command;
}

/// The last judged by `verdict`; nothing where none was.
const AttemptRow* last_of(const CampaignEnd& end, Verdict verdict) {
  const auto row = std::find_if(end.attempts.rbegin(), end.attempts.rend(),
                                [verdict](const AttemptRow& one) { return one.verdict == verdict; });
  return row == end.attempts.rend() ? nullptr : &*row;
}

std::string failure_text_of(const std::string& json) {
  const Checked<Signature> failure = signature_from_json(json);
  return failure.has_value() && failure->failure_type != FailureType::none ? failure_text(*failure) : std::string{};
}

std::string plain_command(const CampaignEnd& end) { return script_command(end, Invocation{}); }

std::string matched_command(const CampaignEnd& end, const AttemptRow& row) {
  Invocation made = invocation(arm_of(row), row.seed, end.script, {.noise_library = end.policy.noise_library});
  const auto is_watchdog = [](const auto& variable) { return variable.first == watchdog_variable; };
  const bool is_set = std::any_of(made.environment.begin(), made.environment.end(), is_watchdog) ||
                      std::any_of(end.environment.begin(), end.environment.end(), is_watchdog);
  // Without its watchdog a device that hangs would hang the command too, instead of failing as it did.
  if (end.policy.device_timeout && !is_set && !end.script.takes_settings)
    made.environment.emplace_back(watchdog_variable, watchdog_text(end.policy.operation_timeout_s));
  return script_command(end, made);
}

/// The script alone where its recipe has hit; what hit in a slice has its arm from the shim, so it is replayed.
std::string again_command(const CampaignEnd& end) {
  const AttemptRow* alone = alone_attempt(end);
  if (alone != nullptr && alone->verdict == Verdict::reproduced) return "./run_test.sh";
  if (!end.first_match) return plain_command(end);
  const AttemptRow& row = end.first_match->row;
  if (row.slice_json.empty()) return matched_command(end, row);
  return "ndreproctl replay " + end.campaign.case_name + "/" + std::to_string(row.number) + " --times 10";
}

std::string command_after_verification(const CampaignEnd& end) {
  const std::string& name = end.campaign.case_name;
  if (end.finish.outcome == CampaignOutcome::fixed) return "ndreproctl status " + std::to_string(end.campaign.id.value);
  const auto match = std::find_if(end.attempts.begin(), end.attempts.end(), [](const AttemptRow& row) {
    return row.matched > 0 && build_of(row) == TestedBuild::fixed;
  });
  if (match != end.attempts.end()) return "ndreproctl logs " + name + "/" + std::to_string(match->number);
  return "ndreproctl verify " + name + " --budget " + std::to_string(end.policy.budget_ms / 30000 + 1) + "m";
}

/// A variable or a limit of CI is missing: more runs of the same would not mend that.
bool is_set_up_otherwise(const CampaignEnd& end) {
  return std::any_of(end.differences.begin(), end.differences.end(), [](const CiDifference& difference) {
    return difference.what.starts_with("variable ") || difference.what == "test timeout";
  });
}

}  // namespace

const AttemptRow* telling_attempt(const CampaignEnd& end) {
  if (end.finish.outcome != CampaignOutcome::not_reproduced) return nullptr;
  if (const AttemptRow* row = last_of(end, Verdict::different_failure)) return row;
  if (last_of(end, Verdict::passed) != nullptr) return nullptr;
  const AttemptRow* hung = last_of(end, Verdict::hang);
  return hung != nullptr ? hung : last_of(end, Verdict::timed_out);
}

const AttemptRow* alone_attempt(const CampaignEnd& end) {
  const AttemptRow* last = nullptr;
  for (const AttemptRow& row : end.attempts) {
    if (row.arm != recipe_name) continue;
    last = &row;
    if (row.verdict == Verdict::reproduced) break;
  }
  return last;
}

std::string comparison(const CampaignEnd& end) {
  const AttemptRow* row = telling_attempt(end);
  if (row == nullptr || row->verdict != Verdict::different_failure) return {};
  const std::string wanted = failure_text_of(end.campaign.signature_json);
  if (wanted.empty()) return {};
  const std::string seen = failure_text_of(row->failure_json);
  return "in CI: " + wanted + "; here: " + (seen.empty() ? row->explanation : seen);
}

std::string next_command(const CampaignEnd& end) {
  const std::string& name = end.campaign.case_name;
  switch (end.finish.outcome) {
    case CampaignOutcome::reproduced:
    case CampaignOutcome::deterministic:
      return again_command(end);
    case CampaignOutcome::margin: {
      Invocation patient;
      set_variable(patient, end.script, watchdog_variable, watchdog_text(end.policy.operation_timeout_s * 4));
      return script_command(end, patient);
    }
    case CampaignOutcome::not_reproduced:
      if (const AttemptRow* row = telling_attempt(end))
        return "ndreproctl logs " + name + "/" + std::to_string(row->number);
      if (is_set_up_otherwise(end)) return "ndreproctl case lint " + name;
      return "ndreproctl run " + name +
             (end.policy.mode == CampaignMode::quick ? " --budget 2h -f" : " --budget 12h -f");
    case CampaignOutcome::board_unusable:
      return "ndreproctl board list";
    case CampaignOutcome::setup_error:
      return (end.folder.empty() ? "" : "cd " + quoted(end.folder) + " && ") + plain_command(end);
    case CampaignOutcome::fixed:
    case CampaignOutcome::still_failing:
    case CampaignOutcome::undecided:
      return command_after_verification(end);
    case CampaignOutcome::cancelled:
      return "ndreproctl run " + name + " -f";
  }
  return {};
}

std::string next_reason(const CampaignEnd& end) {
  if (end.finish.outcome != CampaignOutcome::not_reproduced) return {};
  if (telling_attempt(end) != nullptr) return "its log says how it failed otherwise than CI";
  if (is_set_up_otherwise(end)) return "CI had variables or limits that the runs here had not";
  const Rate plain = plain_rate(end);
  if (plain.runs == 0) return {};
  return "a budget ten times as large shows a failure ten times as rare";
}

std::string stopping_rule(const CampaignEnd& end) {
  if (end.policy.verification)
    return "a sequential test (Wald) of the runs of campaign " +
           std::to_string(end.policy.verification->against.value) + ", or the end of the budget";
  if (end.finish.outcome == CampaignOutcome::deterministic) return "a fixed number of unamplified runs";
  return "runs until " + std::to_string(end.policy.confirmations) +
         (end.policy.confirmations == 1 ? " match" : " matches") + " or the end of the budget";
}

}  // namespace ndr
