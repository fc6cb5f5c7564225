#include "supervisor/campaign/results_page.hpp"

#include "storage/evidence_json.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

CampaignEnd ended(CampaignOutcome outcome, std::string reason = "3 matched of 3 wanted") {
  CampaignEnd end;
  end.campaign.id.value = 7;
  end.campaign.case_name = "ledger";
  end.campaign.spent_ms = 20500;
  end.campaign.budget_ms = 300000;
  end.campaign.seed = 42;
  end.finish = {outcome, std::move(reason)};
  end.ended_at_ms = 1700000000000;
  return end;
}

void add(CampaignEnd& end, const Arm& arm, Verdict verdict) {
  AttemptRow row;
  row.number = static_cast<int>(end.attempts.size()) + 1;
  row.arm = arm.name;
  row.parameters = parameters_of(arm);
  row.verdict = verdict;
  row.runs = 1;
  row.matched = verdict == Verdict::reproduced ? 1 : 0;
  end.attempts.push_back(row);
}

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
    ++found;
  return found;
}

}  // namespace

TEST_CASE("the page says how often, under what and how sure") {
  CampaignEnd end = ended(CampaignOutcome::reproduced);
  for (int i = 0; i < 7; ++i)
    add(end, Arm{}, Verdict::passed);
  for (int i = 0; i < 3; ++i)
    add(end, Arm{}, Verdict::reproduced);
  add(end, amplified(0, 4, 0), Verdict::passed);
  const std::string block = results_block(end);
  CHECK_THAT(block, ContainsSubstring("**reproduced**: 3 matched of 3 wanted. Campaign 7, 2023-11-14T22:13:20.000Z, 11 "
                                      "attempts in 20.5 s of 300.0 s, seed 42."));
  CHECK_THAT(block,
             ContainsSubstring("Unamplified, 3 of 10 runs matched: 22.2 % a run (95 % interval 6.67 % to 60 %)."));
  CHECK_THAT(block, ContainsSubstring("| workers | 4 workers | 1 | 0 ms | 1 | 0 | below 95 % | – | 0 | 0 | 0 |"));
  CHECK_THAT(block, ContainsSubstring("Not known here:"));
}

TEST_CASE("settings that ran in vain are one line, those that matched one each") {
  CampaignEnd end = ended(CampaignOutcome::reproduced);
  for (const int us : {200, 600, 1800}) {
    Arm noise;
    noise.name = "noise";
    noise.copies = 4;
    noise.noise_chance = 0.1;
    noise.noise_us = us;
    add(end, noise, us == 600 ? Verdict::reproduced : Verdict::passed);
  }
  const std::string block = results_block(end);
  CHECK_THAT(block, ContainsSubstring("| noise | 2 settings, from: delays at 10 % of the calls of up to 0.2 ms, 4 "
                                      "copies | 2 | 0 ms | 2 | 0 | below 77.6 % |"));
  CHECK_THAT(block, ContainsSubstring("| noise | delays at 10 % of the calls of up to 0.6 ms, 4 copies | 1 |"));
}

TEST_CASE("the page says what the script does by itself, and whether it failed so") {
  CampaignEnd end = ended(CampaignOutcome::reproduced);
  add(end, Arm{}, Verdict::passed);
  CHECK(count(results_block(end), "Recipe:") == 0);
  Arm recipe;
  recipe.name = recipe_name;
  recipe.copies = 16;
  add(end, recipe, Verdict::passed);
  end.attempts.back().exposure_ms = 40000;
  CHECK_THAT(
      results_block(end),
      ContainsSubstring("Recipe: 16 copies; `run_test.sh` does it when it is called without arguments. Run by "
                        "itself in a copy of the case, it did not fail as in CI within 40.0 s (`logs/run_2.log`): "
                        "it may need something that is not in the case's folder, or more time."));
  add(end, recipe, Verdict::reproduced);
  end.attempts.back().exposure_ms = 1500;
  CHECK_THAT(results_block(end), ContainsSubstring("it failed as in CI after 1.5 s (`logs/run_3.log`).\n"));
  end.attempts.back().reason = "in_place";
  end.attempts.back().explanation = "it ran in place: run_test.sh:3 names the folder of the case, /cases/a";
  CHECK_THAT(results_block(end), ContainsSubstring("Run by itself in place, it failed as in CI after 1.5 s "
                                                   "(`logs/run_3.log`); a copy was not tried: it ran in place: run"));
}

TEST_CASE("arms given up are named with their reason") {
  CampaignEnd end = ended(CampaignOutcome::reproduced);
  end.dropped = {{"hold", "7 of 9 runs failed otherwise than in CI"}};
  CHECK_THAT(results_block(end),
             ContainsSubstring("Arms given up: hold (7 of 9 runs failed otherwise than in CI).\n\n"));
}

TEST_CASE("other failures are counted by what was seen, and told where the first is") {
  CampaignEnd end = ended(CampaignOutcome::reproduced);
  add(end, Arm{}, Verdict::different_failure);
  end.attempts.back().explanation = "exit status 3";
  Arm copies;
  copies.copies = 4;
  copies.name = "copies";
  add(end, copies, Verdict::reproduced);
  end.attempts.back().id.value = 70;
  end.attempts.back().runs = 90;
  end.attempts.back().slice_json = "{}";
  for (const int run : {12, 31}) {
    RunFailureRow failure;
    failure.attempt_id.value = 70;
    failure.run = run;
    failure.failure_json = R"({"failure_type":"assertion","exception":"AssertionError"})";
    failure.explanation = "AssertionError";
    failure.match_grade = "same_class";
    end.failures.push_back(failure);
  }
  const std::string block = results_block(end);
  CHECK_THAT(block, ContainsSubstring("3 other failures were seen:\n\n- 2 × AssertionError, first in `logs/run_2.log "
                                      "run 12`; of the kind of CI's\n- 1 × exit status 3, first in `logs/run_1.log`; "
                                      "1 unamplified\n"));
  CHECK_THAT(block, ContainsSubstring("of the matches are CI's failure"));
}

TEST_CASE("the first match of a slice is a run of its own") {
  CampaignEnd end = ended(CampaignOutcome::reproduced);
  add(end, Arm{}, Verdict::reproduced);
  RunFailureRow run;
  run.run = 17;
  run.copy = 2;
  run.seed = 99;
  run.match_grade = "exact";
  end.first_match = FirstMatch{end.attempts.front(), "logs/run_1.log", 12, "boom\n", run};
  CHECK_THAT(results_block(end), ContainsSubstring("First match: attempt 1, arm plain, run 17 of the slice (copy 2, "
                                                   "seed 99), `logs/run_1.log` at byte 12.\n\nGraded *exact*"));
}

TEST_CASE("nothing seen is never called nothing there") {
  CampaignEnd end = ended(CampaignOutcome::not_reproduced, "no match; the budget of 300.0 s is used up");
  for (int i = 0; i < 10; ++i)
    add(end, Arm{}, Verdict::passed);
  CHECK_THAT(results_block(end),
             ContainsSubstring("0 of 10 runs matched: with 95 % certainty the rate is below 25.9 % a run. "
                               "That is no proof that it cannot fail here."));
  CHECK_THAT(results_block(ended(CampaignOutcome::cancelled)),
             ContainsSubstring("No unamplified run could be judged."));
}

TEST_CASE("what was left out, reset or different is told") {
  CampaignEnd end = ended(CampaignOutcome::reproduced);
  add(end, Arm{}, Verdict::lost);
  add(end, Arm{}, Verdict::contention);
  end.different_before_match = 2;
  end.resets.resize(2);
  end.resets[0].result = ResetResult::verified;
  const std::string block = results_block(end);
  CHECK_THAT(block, ContainsSubstring("Left out of the rates: 1 contention, 1 lost."));
  CHECK_THAT(block, ContainsSubstring("Board resets: 2, of which 1 verified."));
  CHECK_THAT(block, ContainsSubstring("2 runs failed *differently* before any match"));
}

TEST_CASE("the last different failure is told beside CI's") {
  CampaignEnd end = ended(CampaignOutcome::not_reproduced, "6 different failures in a row and no match");
  add(end, Arm{}, Verdict::different_failure);
  end.attempts.back().explanation = "exit status 1";
  Signature wanted;
  wanted.failure_type = FailureType::crash;
  end.campaign.signature_json = to_json_text(wanted);
  CHECK_THAT(results_block(end), ContainsSubstring("Last different failure, in CI: crash; here: exit status 1.\n\n"
                                                   "Next: `ndreproctl logs ledger/1`"));
}

TEST_CASE("everything outside the markers is kept, byte for byte") {
  const std::string before = "# Mine\r\n\xff\xfe odd bytes\n\n";
  const std::string after = "\n\ttail without newline";
  const std::string block = results_block(ended(CampaignOutcome::reproduced));
  const std::string old = std::string{results_begin} + "\nold\n" + std::string{results_end};
  const std::string page = with_results(before + old + after, "ledger", block);
  CHECK(page == before + block + after);
  CHECK(with_results(page, "ledger", block) == page);
}

TEST_CASE("a page without markers gets the results appended") {
  const std::string block = results_block(ended(CampaignOutcome::reproduced));
  CHECK(with_results("# Mine\n", "ledger", block) == "# Mine\n\n" + block + "\n");
  CHECK(with_results("# Mine", "ledger", block) == "# Mine\n\n" + block + "\n");
  const std::string half = "# Mine\n" + std::string{results_begin} + "\n";
  CHECK(with_results(half, "ledger", block) == half + "\n" + block + "\n");
}

TEST_CASE("text below a block that lost its end marker is kept") {
  const std::string begin{results_begin};
  const std::string end{results_end};
  const std::string kept = "# Mine\n" + begin + "\nold\n\nwritten by hand\n\n";
  const std::string block = results_block(ended(CampaignOutcome::reproduced));
  CHECK(with_results(kept + begin + "\nolder\n" + end + "\ntail", "ledger", block) == kept + block + "\ntail");
}

TEST_CASE("a missing page is made, with the case's name and how to run it") {
  const std::string block = results_block(ended(CampaignOutcome::reproduced));
  const std::string page = with_results("", "ledger", block);
  CHECK(page.starts_with("# ledger\n"));
  CHECK_THAT(page, ContainsSubstring("./run_test.sh"));
  CHECK(count(page, results_begin) == 1);
}

TEST_CASE("text of a log cannot leave its place in the page") {
  const std::string hostile = std::string{results_end} + "\n| `rm -rf` | <script> **x** \x1b[31m [a](b)\n## Fake";
  CampaignEnd end = ended(CampaignOutcome::not_reproduced, hostile);
  add(end, Arm{}, Verdict::reproduced);
  end.first_match = FirstMatch{end.attempts.front(), "logs/run_1.log", 12, "````\n" + hostile + "\n"};
  const std::string block = results_block(end);
  CHECK(count(block, results_begin) == 1);
  CHECK(count(block, results_end) == 1);
  CHECK(block.ends_with(results_end));
  const std::string reason = block.substr(block.find("**not_reproduced**"), 200);
  CHECK(reason.substr(0, reason.find('\n')).find("Fake") != std::string::npos);  // one line, no heading
  CHECK(reason.find("<script>") == std::string::npos);
  CHECK_THAT(reason, ContainsSubstring("\\| \\`rm -rf\\`"));
  CHECK_THAT(block, ContainsSubstring("`````text\n````\n"));  // a longer fence than any in the text
  CHECK(count(block, "\n`````\n") == 1);
}

TEST_CASE("long foreign text is cut at a character") {
  const std::string block =
      results_block(ended(CampaignOutcome::setup_error, std::string(398, 'a') + "ääää" + std::string(5000, 'b')));
  CHECK(block.size() < 3000);
  CHECK_THAT(block, ContainsSubstring("aä…"));
}

TEST_CASE("the last ten campaigns before are named") {
  CampaignEnd end = ended(CampaignOutcome::reproduced);
  for (int i = 0; i < 12; ++i) {
    CampaignRow row;
    row.id.value = 100 - i;
    row.outcome = CampaignOutcome::not_reproduced;
    row.reason = "no | match";
    row.ended_at_ms = 1700000000000;
    end.others.push_back(row);
  }
  const std::string block = results_block(end);
  CHECK_THAT(block, ContainsSubstring("| 100 | 2023-11-14T22:13:20.000Z | not_reproduced | no \\| match |"));
  CHECK(count(block, "| not_reproduced |") == 10);
}

TEST_CASE("a better campaign before the newest is shown, below what the newest did") {
  CampaignEnd end = ended(CampaignOutcome::reproduced);
  CampaignRow newest;
  newest.id.value = 8;
  newest.outcome = CampaignOutcome::cancelled;
  newest.reason = "cancelled on | request";
  newest.ended_at_ms = 1700000000000;
  end.newest = NewestCampaign{newest, 3, rate_of(2, 0, {})};
  end.others = {newest};
  const std::string block = results_block(end);
  CHECK_THAT(block,
             ContainsSubstring("The newest campaign, 8, ended as **cancelled** on 2023-11-14T22:13:20.000Z after "
                               "3 attempts (cancelled on \\| request; 0 of 2 unamplified runs matched). What "
                               "follows is the best answer so far, of campaign 7.\n\n**reproduced**:"));
  CHECK_THAT(block, ContainsSubstring("Other campaigns:"));
}

TEST_CASE("the match is graded by the names of what agrees and the values of what does not") {
  CampaignEnd end = ended(CampaignOutcome::reproduced);
  add(end, Arm{}, Verdict::reproduced);
  AttemptRow row = end.attempts.front();
  row.match_grade = "same_site";
  row.match_reasons = R"(["failure type: exception = exception","message: a = 1 = a = 1","test: x ≠ y"])";
  end.first_match = FirstMatch{row, "logs/run_1.log", 12, ""};
  CHECK_THAT(results_block(end), ContainsSubstring("Graded *same_site* against CI's failure; the same: failure type, "
                                                   "message; test: x ≠ y."));
}

TEST_CASE("a rate that leaves out the last match is explained, and no other") {
  CampaignEnd end = ended(CampaignOutcome::reproduced);
  for (int i = 0; i < 5; ++i)
    add(end, Arm{}, Verdict::passed);
  for (int i = 0; i < 2; ++i)
    add(end, Arm{}, Verdict::reproduced);
  CHECK_THAT(results_block(end), !ContainsSubstring("(k − 1)/(n − 1)"));
  add(end, Arm{}, Verdict::reproduced);
  CHECK_THAT(results_block(end), ContainsSubstring("3 of 8 runs matched: 28.6 %") &&
                                     ContainsSubstring("Where 3 matched, the rate is (k − 1)/(n − 1) for k "
                                                       "matches in n runs: sampling stopped at the k-th match"));
}
