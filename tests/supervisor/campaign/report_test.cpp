#include "supervisor/campaign/report.hpp"

#include <nlohmann/json.hpp>

#include "storage/evidence_json.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

AttemptRow ended(const Arm& arm, Verdict verdict, int number = 1) {
  AttemptRow row;
  row.id.value = number;
  row.number = number;
  row.case_name = "ledger";
  row.arm = arm.name;
  row.parameters = parameters_of(arm);
  row.seed = 5;
  row.verdict = verdict;
  row.runs = 1;
  row.matched = verdict == Verdict::reproduced ? 1 : 0;
  row.different = verdict == Verdict::different_failure ? 1 : 0;
  row.infrastructure = verdict == Verdict::infrastructure || verdict == Verdict::lost ? 1 : 0;
  row.iterations = 50;
  row.exposure_ms = 2000;
  return row;
}

std::string failure_json(FailureType type, const char* exception) {
  Signature failure;
  failure.failure_type = type;
  failure.exception = exception;
  return to_json_text(failure);
}

/// 2 of 5 plain runs and 1 of 2 with two workers matched; three could not be judged.
CampaignEnd sample(CampaignOutcome outcome = CampaignOutcome::reproduced) {
  CampaignEnd end;
  end.campaign.case_name = "ledger";
  end.campaign.spent_ms = 20000;
  end.campaign.budget_ms = 300000;
  end.policy.attempt_ms = 2000;
  end.finish = {outcome, "3 matched of 3 wanted"};
  for (const Verdict verdict : {Verdict::passed, Verdict::hang, Verdict::timed_out, Verdict::lost, Verdict::contention})
    end.attempts.push_back(ended(Arm{}, verdict));
  end.attempts.push_back(ended(amplified(0, 2, 0), Verdict::reproduced, 6));
  end.attempts.push_back(ended(amplified(0, 2, 0), Verdict::different_failure, 7));
  end.attempts.push_back(ended(Arm{}, Verdict::reproduced, 8));
  end.attempts.push_back(ended(Arm{}, Verdict::reproduced, 9));
  end.attempts.push_back(ended(Arm{}, Verdict::cancelled, 10));
  return end;
}

}  // namespace

TEST_CASE("runs are counted by arm and only where they could be judged") {
  const auto tallies = tallies_of(sample());
  REQUIRE(tallies.size() == 2);
  CHECK(tallies[0].arm == Arm{});
  CHECK(tallies[0].attempts == 8);
  CHECK(tallies[0].runs == 5);
  CHECK(tallies[0].matched == 2);
  CHECK(tallies[0].hangs == 1);
  CHECK(tallies[0].timed_out == 1);
  CHECK(tallies[0].iterations == 250);
  CHECK(tallies[1].runs == 2);
  CHECK(tallies[1].matched == 1);
  CHECK(tallies[1].different == 1);
  const LeftOut left = left_out_of(sample());
  CHECK(left.lost == 1);
  CHECK(left.contention == 1);
  CHECK(left.cancelled == 1);
  CHECK(left.sum() == 3);
}

TEST_CASE("runs of a slice that could not be judged are left out of its rate") {
  AttemptRow slice = ended(Arm{}, Verdict::passed);
  slice.runs = 100;
  slice.matched = 3;
  slice.infrastructure = 10;
  CampaignEnd end;
  end.attempts = {slice};
  const auto tallies = tallies_of(end);
  CHECK(tallies.front().runs == 90);
  CHECK(tallies.front().matched == 3);
}

TEST_CASE("a run that the budget cut off does not count as one that did not match") {
  CampaignEnd end = sample(CampaignOutcome::not_reproduced);
  end.policy.attempt_ms = 300000;
  const auto tallies = tallies_of(end);
  CHECK(tallies[0].runs == 4);
  CHECK(tallies[0].timed_out == 1);
  CHECK(plain_rate(end).runs == 4);
  CHECK(left_out_of(end).cut_off == 1);
  CHECK(left_out_of(end).sum() == 4);
  CHECK(nlohmann::json::parse(report_json(end))["left_out"]["cut_off"] == 1);
}

TEST_CASE("a rate has the exact interval, and without a match the one-sided bound") {
  const SamplingRule given{.sampling = Sampling::fixed};
  const Rate none = rate_of(50, 0, given);
  CHECK(none.rate == 0);
  CHECK(none.low == 0);
  CHECK(none.high == Approx(0.058).margin(0.0005));
  const Rate fixed = rate_of(10, 3, given);
  CHECK(fixed.rate == Approx(0.3));
  CHECK(fixed.low == Approx(0.067).margin(0.0005));
  CHECK(fixed.high == Approx(0.652).margin(0.0005));
  const Rate nothing = rate_of(0, 0, given);
  CHECK(nothing.high == 1);
}

TEST_CASE("where runs went on until they matched, the last match does not count") {
  const SamplingRule until{.sampling = Sampling::until_matched, .wanted = 3};
  const Rate stopped = rate_of(10, 3, until);
  CHECK(stopped.rate == Approx(2.0 / 9));
  CHECK(stopped.low == Approx(0.067).margin(0.0005));
  CHECK(stopped.high == Approx(0.600).margin(0.0005));  // Beta(3, 7), where ten runs would give 0.652
  CHECK(rate_of(10, 1, until).rate == Approx(0.1));
  CHECK(rate_of(3, 3, until).rate == 1);
  const SamplingRule beside{.sampling = Sampling::until_matched, .wanted = 3, .last_batch = 4};
  CHECK(rate_of(10, 4, beside).rate == Approx(0.4));
}

TEST_CASE("an arm that was left because of its matches has an interval for any stop") {
  const SamplingRule any{.sampling = Sampling::any_time};
  const Rate rate = rate_of(100, 3, any);
  const Rate fixed = rate_of(100, 3, {.sampling = Sampling::fixed});
  CHECK(rate.rate == Approx(0.03));
  CHECK(rate.low < fixed.low);
  CHECK(rate.high > fixed.high);
  CHECK(rate_of(100, 0, any).high == Approx(0.0295).margin(0.0005));
}

TEST_CASE("how often in a minute is told from the exposure") {
  CHECK(rate_of(100, 3, {}, 2000).per_minute() == Approx(90));
  CHECK(rate_of(100, 0, {}, 2000).per_minute() == Approx(60 * 2.9957 / 2).margin(0.01));
  CHECK(rate_of(100, 0, {}).per_minute() == 0);
}

TEST_CASE("after a match the next command is the script with its recipe, else the slice once more") {
  CampaignEnd end = sample();
  end.campaign.case_name = "ledger";
  AttemptRow hit;
  hit.number = 7;
  hit.arm = "hold";
  hit.verdict = Verdict::reproduced;
  hit.slice_json = "{}";
  end.attempts = {hit};
  end.first_match = FirstMatch{.row = hit};
  CHECK(next_command(end) == "ndreproctl replay ledger/7 --times 10");
  AttemptRow alone = hit;
  alone.arm = recipe_name;
  alone.slice_json.clear();
  alone.verdict = Verdict::passed;
  end.attempts.push_back(alone);
  CHECK(next_command(end) == "ndreproctl replay ledger/7 --times 10");
  end.attempts.back().verdict = Verdict::reproduced;
  CHECK(next_command(end) == "./run_test.sh");
}

TEST_CASE("only an arm that matched often enough ran until it matched") {
  CampaignEnd end = sample();
  CHECK(plain_rate(end).rate == Approx(2.0 / 5));
  end.attempts.push_back(ended(Arm{}, Verdict::reproduced, 11));
  CHECK(plain_rate(end).rate == Approx(2.0 / 5));  // (3 - 1) / (6 - 1)
  end.finish.outcome = CampaignOutcome::not_reproduced;
  CHECK(plain_rate(end).rate == Approx(3.0 / 6));
}

TEST_CASE("slices are told by an interval for any stop, but for an arm that was the only one") {
  CampaignEnd end;
  end.finish.outcome = CampaignOutcome::reproduced;
  Arm copies;
  copies.name = "copies";
  copies.copies = 4;
  AttemptRow slice = ended(copies, Verdict::reproduced);
  slice.slice_json = "{}";
  slice.runs = 50;
  slice.matched = 4;
  end.attempts = {slice};
  CHECK(rule_of(end, tallies_of(end).front()).sampling == Sampling::until_matched);
  CHECK(rule_of(end, tallies_of(end).front()).last_batch == 4);
  end.attempts.push_back(ended(Arm{}, Verdict::passed, 2));
  CHECK(rule_of(end, tallies_of(end).back()).sampling == Sampling::any_time);
}

TEST_CASE("arms are told in the order of their numbers, plain runs first") {
  CampaignEnd end;
  for (const int count : {16, 4, 2}) {
    Arm copies;
    copies.name = "copies";
    copies.copies = count;
    end.attempts.push_back(ended(copies, Verdict::passed));
  }
  end.attempts.push_back(ended(Arm{}, Verdict::passed));
  const auto tallies = tallies_of(end);
  REQUIRE(tallies.size() == 4);
  CHECK(tallies[0].arm.name == "plain");
  CHECK(tallies[1].arm.copies == 2);
  CHECK(tallies[2].arm.copies == 4);
  CHECK(tallies[3].arm.copies == 16);
}

TEST_CASE("plain and amplified runs are never mixed in one rate") {
  const Rate plain = plain_rate(sample());
  CHECK(plain.runs == 5);
  CHECK(plain.matched == 2);
}

TEST_CASE("the report says all that the page says, for programs") {
  CampaignEnd end = sample();
  end.first_match = FirstMatch{end.attempts[5], "logs/run_6.log", 4711, "RuntimeError: x\xff\n"};
  ResetRow reset;
  reset.board = "0";
  reset.result = ResetResult::verified;
  end.resets = {reset};
  const auto report = nlohmann::json::parse(report_json(end));
  CHECK(report["outcome"] == "reproduced");
  CHECK(report["plain"]["runs"] == 5);
  CHECK(report["plain"]["matched"] == 2);
  CHECK_FALSE(report["plain"].contains("bound"));
  REQUIRE(report["amplified"].size() == 1);
  CHECK(report["amplified"][0]["arm"] == "workers");
  CHECK(report["amplified"][0]["parameters"]["workers"] == 2);
  CHECK(report["left_out"]["lost"] == 1);
  CHECK(report["attempts"] == 10);
  CHECK(report["matched_attempts"] == 3);
  CHECK(report["first_match"]["attempt"] == "ledger/6");
  CHECK(report["first_match"]["offset"] == 4711);
  CHECK(report["first_match"]["excerpt"] == "RuntimeError: x\xef\xbf\xbd\n");
  CHECK(report["resets"][0]["result"] == "verified");
  CHECK(report["stopping_rule"] == "runs until 3 matches or the end of the budget");
}

TEST_CASE("a report without a match has the bound instead") {
  CampaignEnd end = sample(CampaignOutcome::not_reproduced);
  end.attempts.resize(3);
  const auto report = nlohmann::json::parse(report_json(end));
  CHECK(report["plain"]["bound"].get<double>() == Approx(0.632).margin(0.001));
  CHECK(report["first_match"].is_null());
}

TEST_CASE("the next command fits the outcome") {
  CampaignEnd end = sample();
  end.first_match = FirstMatch{end.attempts[5], "logs/run_6.log", std::nullopt, ""};
  CHECK(next_command(end) == "NDREPRO_SEED=5 ./run_test.sh -n 2 --max-worker-restart=0");
  end.script.has_contract = true;
  CHECK(next_command(end) == "./run_test.sh --workers 2 --seed 5");
  CHECK(next_command(sample(CampaignOutcome::deterministic)) == "./run_test.sh");
  CHECK(next_command(sample(CampaignOutcome::margin)) == "TT_METAL_OPERATION_TIMEOUT_SECONDS=20 ./run_test.sh");
  CampaignEnd soak = sample(CampaignOutcome::not_reproduced);
  soak.attempts.resize(3);
  CHECK(next_command(soak) == "ndreproctl run ledger --budget 2h -f");
  soak.policy.mode = CampaignMode::soak;
  CHECK(next_command(soak) == "ndreproctl run ledger --budget 12h -f");
  CHECK(next_command(sample(CampaignOutcome::board_unusable)) == "ndreproctl board list");
  CampaignEnd unset = sample(CampaignOutcome::setup_error);
  CHECK(next_command(unset) == "./run_test.sh");
  unset.folder = "/my cases/ledger";
  CHECK(next_command(unset) == "cd '/my cases/ledger' && ./run_test.sh");
  CHECK(next_command(sample(CampaignOutcome::cancelled)) == "ndreproctl run ledger -f");
}

TEST_CASE("without a match the next step is the log that tells why") {
  CampaignEnd end = sample(CampaignOutcome::not_reproduced);
  CHECK(next_command(end) == "ndreproctl logs ledger/7");
  CHECK(comparison(end).empty());
  end.campaign.signature_json = failure_json(FailureType::crash, "SIGSEGV");
  end.attempts[6].explanation = "exit status 1, and the log shows no failure that is known";
  CHECK(comparison(end) == "in CI: crash, SIGSEGV; here: exit status 1, and the log shows no failure that is known");
  end.attempts[6].failure_json = failure_json(FailureType::exception, "KeyError");
  CHECK(comparison(end) == "in CI: crash, SIGSEGV; here: exception, KeyError");
  end.attempts = {ended(Arm{}, Verdict::hang, 3), ended(Arm{}, Verdict::timed_out, 4)};
  CHECK(next_command(end) == "ndreproctl logs ledger/3");
  CHECK(comparison(end).empty());
  end.attempts.push_back(ended(Arm{}, Verdict::passed, 5));
  CHECK(next_command(end) == "ndreproctl run ledger --budget 2h -f");
}

TEST_CASE("the command that reproduces has the environment of the attempts") {
  CampaignEnd end = sample();
  end.script.has_contract = true;
  end.environment = {{"ARCH_NAME", "wormhole_b0"}, {"GREETING", "it's me"}};
  end.first_match = FirstMatch{end.attempts[5], "logs/run_6.log", std::nullopt, ""};
  const std::string of_case = "ARCH_NAME=wormhole_b0 GREETING='it'\\''s me' ";
  CHECK(next_command(end) == of_case + "./run_test.sh --workers 2 --seed 5");
  end.policy.device_timeout = true;
  end.policy.operation_timeout_s = 10;
  CHECK(next_command(end) == of_case + "TT_METAL_OPERATION_TIMEOUT_SECONDS=10 ./run_test.sh --workers 2 --seed 5");
  end.environment = {{std::string{watchdog_variable}, "7"}};
  CHECK(next_command(end) == "TT_METAL_OPERATION_TIMEOUT_SECONDS=7 ./run_test.sh --workers 2 --seed 5");
  end.finish.outcome = CampaignOutcome::margin;
  CHECK(next_command(end) == "TT_METAL_OPERATION_TIMEOUT_SECONDS=40 ./run_test.sh");
  end.environment.clear();
  end.script.takes_settings = true;
  CHECK(next_command(end) == "./run_test.sh --set TT_METAL_OPERATION_TIMEOUT_SECONDS=40");
  end.finish.outcome = CampaignOutcome::reproduced;
  CHECK(next_command(end) == "./run_test.sh --workers 2 --seed 5");
}

TEST_CASE("a row of a newer program does not spoil the report") {
  CampaignEnd end = sample();
  AttemptRow strange = ended(Arm{}, Verdict::reproduced, 11);
  strange.arm = "noise";
  strange.parameters = "{";
  end.first_match = FirstMatch{strange, "logs/run_11.log", std::nullopt, ""};
  end.attempts.push_back(strange);
  const auto report = nlohmann::json::parse(report_json(end));
  CHECK(report["first_match"]["parameters"].is_null());
  CHECK(report["amplified"].front()["arm"] == "noise");
}
