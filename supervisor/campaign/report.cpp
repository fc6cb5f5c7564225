#include "supervisor/campaign/report.hpp"

#include <algorithm>
#include <cmath>

#include "analyzer/statistics/interval.hpp"

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

std::string script_command(const CampaignEnd& end, const AttemptRow& row) {
  const Invocation made = invocation(arm_of(row), row.seed, end.has_contract, end.starts_workers);
  std::string command;
  for (const auto& [name, value] : made.environment)
    command += name + "=" + quoted(value) + " ";
  command += "./run_test.sh";
  for (const std::string& word : made.arguments)
    command += " " + quoted(word);
  return command;
}

void count(const AttemptRow& row, ArmTally& tally) {
  tally.runs += std::max<std::int64_t>(0, row.runs - row.infrastructure);
  tally.matched += row.matched;
  tally.different += row.different;
  tally.hangs += row.verdict == Verdict::hang ? 1 : 0;
  tally.timed_out += row.verdict == Verdict::timed_out ? 1 : 0;
  tally.iterations += row.iterations;
  tally.exposure_ms += row.exposure_ms;
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

}  // namespace

std::vector<ArmTally> tallies_of(const std::vector<AttemptRow>& attempts) {
  std::vector<ArmTally> tallies;
  for (const AttemptRow& row : attempts) {
    if (!row.verdict) continue;
    const Arm arm = arm_of(row);
    auto tally = std::find_if(tallies.begin(), tallies.end(), [&](const ArmTally& one) { return one.arm == arm; });
    if (tally == tallies.end()) tally = tallies.insert(tallies.end(), ArmTally{.arm = arm});
    ++tally->attempts;
    if (counts(*row.verdict)) count(row, *tally);
  }
  return tallies;
}

LeftOut left_out_of(const std::vector<AttemptRow>& attempts) {
  LeftOut left;
  for (const AttemptRow& row : attempts) {
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
  const bool sampled = until_matched && matched >= 2 && runs > 1;
  rate.rate = sampled ? haldane(matched, runs) : static_cast<double>(matched) / static_cast<double>(runs);
  return rate;
}

Rate plain_rate(const CampaignEnd& end) {
  std::int64_t runs = 0;
  std::int64_t matched = 0;
  for (const ArmTally& tally : tallies_of(end.attempts)) {
    if (tally.arm.name != "plain") continue;
    runs += tally.runs;
    matched += tally.matched;
  }
  return rate_of(runs, matched, end.finish.outcome == CampaignOutcome::reproduced);
}

std::string next_command(const CampaignEnd& end) {
  const std::string& name = end.campaign.case_name;
  switch (end.finish.outcome) {
    case CampaignOutcome::reproduced:
    case CampaignOutcome::deterministic:
      return end.first_match ? script_command(end, end.first_match->row) : "./run_test.sh";
    case CampaignOutcome::margin:
      return std::string{watchdog_variable} + "=" + std::to_string(std::lround(end.policy.operation_timeout_s * 4)) +
             " ./run_test.sh";
    case CampaignOutcome::not_reproduced:
      return "ndreproctl run " + name +
             (end.policy.mode == CampaignMode::quick ? " --budget 2h -f" : " --budget 12h -f");
    case CampaignOutcome::board_unusable:
      return "ndreproctl board list";
    case CampaignOutcome::setup_error:
      return "./run_test.sh";
    case CampaignOutcome::cancelled:
      return "ndreproctl run " + name + " -f";
  }
  return {};
}

std::string stopping_rule(const CampaignEnd& end) {
  if (end.finish.outcome == CampaignOutcome::deterministic) return "a fixed number of unamplified runs";
  return "runs until " + std::to_string(end.policy.confirmations) +
         (end.policy.confirmations == 1 ? " match" : " matches") + " or the end of the budget";
}

}  // namespace ndr
