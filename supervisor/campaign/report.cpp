#include "supervisor/campaign/report.hpp"

#include <algorithm>
#include <cmath>

#include "analyzer/statistics/interval.hpp"
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
  Invocation made = invocation(arm_of(row), row.seed, end.script, end.policy.noise_library);
  const auto is_watchdog = [](const auto& variable) { return variable.first == watchdog_variable; };
  const bool is_set = std::any_of(made.environment.begin(), made.environment.end(), is_watchdog) ||
                      std::any_of(end.environment.begin(), end.environment.end(), is_watchdog);
  // Without its watchdog a device that hangs would hang the command too, instead of failing as it did.
  if (end.policy.device_timeout && !is_set && !end.script.takes_settings)
    made.environment.emplace_back(watchdog_variable, watchdog_text(end.policy.operation_timeout_s));
  return script_command(end, made);
}

void count(const AttemptRow& row, ArmTally& tally) {
  tally.runs += std::max<std::int64_t>(0, row.runs - row.infrastructure);
  tally.matched += row.matched;
  tally.different += row.different;
  tally.hangs += row.verdict == Verdict::hang ? 1 : 0;
  tally.iterations += row.iterations;
  tally.exposure_ms += row.exposure_ms;
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

bool counts(Verdict verdict) {
  switch (verdict) {
    case Verdict::reproduced:
    case Verdict::passed:
    case Verdict::different_failure:
    case Verdict::hang:
    case Verdict::timed_out:
      return true;
    case Verdict::contention:
    case Verdict::setup_error:
    case Verdict::infrastructure:
    case Verdict::cancelled:
    case Verdict::lost:
      return false;
  }
  return false;
}

/// It had not failed yet when the budget ended it, sooner than an attempt's own limit would have: in the rest of its
/// time it might have matched.
bool is_cut_off(const Policy& policy, const AttemptRow& row) {
  constexpr std::int64_t clock_slack_ms = 1000;
  return row.verdict == Verdict::timed_out && row.exposure_ms + clock_slack_ms < policy.attempt_ms;
}

}  // namespace

std::vector<ArmTally> tallies_of(const CampaignEnd& end) {
  std::vector<ArmTally> tallies;
  for (const AttemptRow& row : end.attempts) {
    if (!row.verdict || build_of(row) == TestedBuild::broken) continue;
    const Arm arm = arm_of(row);
    auto tally = std::find_if(tallies.begin(), tallies.end(), [&](const ArmTally& one) { return one.arm == arm; });
    if (tally == tallies.end()) tally = tallies.insert(tallies.end(), ArmTally{.arm = arm});
    ++tally->attempts;
    tally->timed_out += row.verdict == Verdict::timed_out ? 1 : 0;
    if (counts(*row.verdict) && !is_cut_off(end.policy, row)) count(row, *tally);
  }
  return tallies;
}

LeftOut left_out_of(const CampaignEnd& end) {
  LeftOut left;
  for (const AttemptRow& row : end.attempts) {
    left.cut_off += is_cut_off(end.policy, row) ? 1 : 0;
    left.contention += row.verdict == Verdict::contention ? 1 : 0;
    left.setup_error += row.verdict == Verdict::setup_error ? 1 : 0;
    left.infrastructure += row.verdict == Verdict::infrastructure ? 1 : 0;
    left.cancelled += row.verdict == Verdict::cancelled ? 1 : 0;
    left.lost += row.verdict == Verdict::lost ? 1 : 0;
  }
  return left;
}

Rate rate_of(std::int64_t runs, std::int64_t matched, bool until_matched) {
  Rate rate{.runs = runs, .matched = matched};
  if (runs <= 0) return rate;
  const Interval interval = clopper_pearson(matched, runs, 0.95);
  rate.low = interval.low;
  rate.high = matched == 0 ? upper_bound_without_hits(runs, 0.95) : interval.high;
  rate.until_matched = until_matched && matched >= 2 && runs > 1;
  rate.rate = rate.until_matched ? haldane(matched, runs) : static_cast<double>(matched) / static_cast<double>(runs);
  return rate;
}

bool ran_until_matched(const CampaignEnd& end, std::int64_t matched) {
  return end.finish.outcome == CampaignOutcome::reproduced && matched >= end.policy.confirmations;
}

Rate plain_rate(const CampaignEnd& end) {
  std::int64_t runs = 0;
  std::int64_t matched = 0;
  for (const ArmTally& tally : tallies_of(end)) {
    if (tally.arm.name != "plain") continue;
    runs += tally.runs;
    matched += tally.matched;
  }
  return rate_of(runs, matched, ran_until_matched(end, matched));
}

const AttemptRow* telling_attempt(const CampaignEnd& end) {
  if (end.finish.outcome != CampaignOutcome::not_reproduced) return nullptr;
  if (const AttemptRow* row = last_of(end, Verdict::different_failure)) return row;
  if (last_of(end, Verdict::passed) != nullptr) return nullptr;
  const AttemptRow* hung = last_of(end, Verdict::hang);
  return hung != nullptr ? hung : last_of(end, Verdict::timed_out);
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
      return end.first_match ? matched_command(end, end.first_match->row) : plain_command(end);
    case CampaignOutcome::margin: {
      Invocation patient;
      set_variable(patient, end.script, watchdog_variable, watchdog_text(end.policy.operation_timeout_s * 4));
      return script_command(end, patient);
    }
    case CampaignOutcome::not_reproduced:
      if (const AttemptRow* row = telling_attempt(end))
        return "ndreproctl logs " + name + "/" + std::to_string(row->number);
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

std::string stopping_rule(const CampaignEnd& end) {
  if (end.policy.verification)
    return "a sequential test (Wald) of the runs of campaign " +
           std::to_string(end.policy.verification->against.value) + ", or the end of the budget";
  if (end.finish.outcome == CampaignOutcome::deterministic) return "a fixed number of unamplified runs";
  return "runs until " + std::to_string(end.policy.confirmations) +
         (end.policy.confirmations == 1 ? " match" : " matches") + " or the end of the budget";
}

}  // namespace ndr
