#include <algorithm>
#include <fstream>
#include <set>

#include "supervisor/campaign/policy.hpp"
#include "tests/supervisor/campaign/campaign_world.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

void always(CampaignWorld& world, Verdict verdict) {
  world.runner.ends = [verdict](const AttemptOrder&, AttemptResult& result) { result.row.verdict = verdict; };
}

/// The n-th attempts (from 1) of this set match, all others pass.
void match_at(CampaignWorld& world, std::set<int> numbers) {
  world.runner.ends = [numbers](const AttemptOrder& order, AttemptResult& result) {
    if (numbers.contains(order.row.number)) result.row.verdict = Verdict::reproduced;
  };
}

/// One step of the story holds this text.
bool is_told(CampaignWorld& world, const std::string& text) {
  const std::vector<std::string> steps = world.events("campaign.step");
  return std::any_of(steps.begin(), steps.end(),
                     [&](const std::string& body) { return body.find(text) != std::string::npos; });
}

std::string page(const CampaignWorld& world) { return read_file(world.case_folder().readme()); }

}  // namespace

TEST_CASE("a campaign goes from its order to a reproduced failure, every act stored before and after") {
  CampaignWorld world;
  match_at(world, {2, 4, 5});
  const CampaignId id = world.submit(world.request());
  const CampaignRow row = world.finished(id);
  CHECK(row.outcome == CampaignOutcome::reproduced);
  CHECK(row.spent_ms == 50000);
  const auto attempts = world.store.attempts.of_campaign(id);
  REQUIRE(attempts.size() == 5);
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    CHECK(attempts[i].number == static_cast<int>(i) + 1);
    CHECK(attempts[i].verdict.has_value());
  }
  CHECK(attempts[0].phase == AttemptPhase::screen);
  CHECK(attempts[4].phase == AttemptPhase::confirm);
  CHECK(world.events("attempt.state").size() == 10);
  CHECK(world.events("campaign.state").size() == 3);  // queued, running, finished
}

TEST_CASE("an order carries all that the runner needs") {
  CampaignWorld world;
  write_file_atomically(world.case_folder().settings(), "environment: {ARCH_NAME: wormhole_b0}\n");
  always(world, Verdict::setup_error);
  world.finished(world.submit(world.request()));
  REQUIRE(world.runner.ran.size() == 1);
  const AttemptOrder& order = world.runner.ran.front();
  CHECK(order.case_name == "ledger");
  CHECK(order.folder == world.case_folder());
  CHECK(order.wanted == CampaignWorld::signature());
  CHECK(order.environment == std::vector<std::pair<std::string, std::string>>{{"ARCH_NAME", "wormhole_b0"}});
  CHECK(order.deadline_ms == 240000);
  CHECK_FALSE(order.uses_board);
  CHECK(order.row.id.value > 0);
  CHECK_FALSE(order.row.verdict);
}

TEST_CASE("attempt numbers go on above the logs that are there") {
  CampaignWorld world;
  write_file_atomically(world.case_folder().run_log(7), "by hand");
  always(world, Verdict::setup_error);
  const CampaignId id = world.submit(world.request());
  world.finished(id);
  CHECK(world.store.attempts.of_campaign(id).front().number == 8);
}

TEST_CASE("a folder that uses up the numbers ends the campaign with what to do") {
  CampaignWorld world;
  write_file_atomically(world.case_folder().run_log(2147483647), "by hand");
  const CampaignRow row = world.finished(world.submit(world.request()));
  CHECK(row.outcome == CampaignOutcome::setup_error);
  CHECK_THAT(row.reason, ContainsSubstring("rename") && ContainsSubstring("run_2147483647.log"));
}

TEST_CASE("a device failure without a board is told with the remedy") {
  CampaignWorld world;
  always(world, Verdict::setup_error);
  world.store.transaction([&] {
    world.store.cases.save_analysis(world.of_case.id, "",
                                    to_json_text(CampaignWorld::signature(FailureType::device_timeout)), 2);
  });
  world.finished(world.submit(world.request()));
  CHECK(is_told(world, "--board"));
}

TEST_CASE("a runner that throws makes a lost attempt, and three of them end the campaign") {
  CampaignWorld world;
  world.runner.ends = [](const AttemptOrder&, AttemptResult&) { throw std::runtime_error{"inotify is full"}; };
  const CampaignId id = world.submit(world.request());
  const CampaignRow row = world.finished(id);
  CHECK(row.outcome == CampaignOutcome::setup_error);
  CHECK_THAT(row.reason, ContainsSubstring("inotify is full"));
  const auto attempts = world.store.attempts.of_campaign(id);
  REQUIRE(attempts.size() == 3);
  CHECK(attempts[0].verdict == Verdict::lost);
  CHECK(attempts[0].infrastructure == 1);
}

TEST_CASE("an attempt whose shim has begun is taken up again when its runner throws") {
  CampaignWorld world;
  int thrown = 0;
  world.runner.ends = [&](const AttemptOrder& order, AttemptResult& result) {
    // A shim that has ended: its lock is there, and nobody holds it.
    std::filesystem::create_directories(order.folder.attempt(order.row.number));
    write_file_atomically(AttemptFolder{order.folder.attempt(order.row.number)}.lock(), "");
    if (thrown++ == 0) throw std::runtime_error{"inotify is full"};
    result.row.verdict = Verdict::setup_error;
  };
  const CampaignId id = world.submit(world.request());
  world.finished(id);
  CHECK(world.store.attempts.of_campaign(id).size() == 1);
  CHECK(world.runner.resumed.size() == 1);
}

TEST_CASE("a board is dirty while an attempt runs and clean after it passed") {
  CampaignWorld world;
  world.add_board("0");
  std::vector<BoardState> during;
  world.runner.ends = [&](const AttemptOrder& order, AttemptResult& result) {
    CHECK(order.uses_board);
    const BoardRow row = world.store.boards.find("0").value();
    CHECK(row.leased_by == order.row.campaign_id);
    during.push_back(row.state);
    if (during.size() == 3) result.row.verdict = Verdict::setup_error;
  };
  const CampaignId id = world.submit(world.request({"0"}));
  CHECK(world.finished(id).boards == R"(["0"])");
  CHECK(during == std::vector<BoardState>(3, BoardState::dirty));
  CHECK_FALSE(world.store.boards.find("0")->leased_by);
}

TEST_CASE("what an attempt leaves of a board is stored with its end") {
  for (const auto& [verdict, left] :
       {std::pair{Verdict::passed, BoardState::clean}, std::pair{Verdict::different_failure, BoardState::unknown}}) {
    CampaignWorld world;
    world.add_board("0");
    always(world, verdict);
    world.settings.attempt_ms = 10000;
    CampaignRequest request = world.request({"0"});
    request.budget_ms = 20000;  // the second attempt does not fit
    world.finished(world.submit(request));
    CHECK(world.store.boards.find("0")->state == left);
  }
}

TEST_CASE("a suspect board is reset before the next attempt") {
  CampaignWorld world;
  world.add_board("0");
  world.runner.ends = [&](const AttemptOrder& order, AttemptResult& result) {
    if (order.row.number == 1) {
      result.row.verdict = Verdict::hang;
      result.board_suspect = true;
    } else {
      CHECK(world.boards.resets == std::vector<std::string>{"0"});
      result.row.verdict = Verdict::setup_error;
    }
  };
  const CampaignId id = world.submit(world.request({"0"}));
  world.finished(id);
  CHECK(world.store.attempts.of_campaign(id).size() == 2);
  CHECK(world.boards.resets.size() == 1);
  CHECK_THAT(world.row(id).report_json, ContainsSubstring(R"("resets":[{"board":"0","result":"verified")"));
}

TEST_CASE("a board that is stored as dirty is reset before the first attempt") {
  CampaignWorld world;
  world.add_board("0", BoardState::dirty);
  always(world, Verdict::setup_error);
  world.finished(world.submit(world.request({"0"})));
  CHECK(world.boards.resets.size() == 1);
}

TEST_CASE("a quarantined board ends the campaign with its reason before any attempt") {
  CampaignWorld world;
  world.add_board("0", BoardState::quarantined, "two resets failed");
  const CampaignRow row = world.finished(world.submit(world.request({"0"})));
  CHECK(row.outcome == CampaignOutcome::board_unusable);
  CHECK_THAT(row.reason, ContainsSubstring("two resets failed"));
  CHECK(world.runner.ran.empty());
}

TEST_CASE("of several boards the first that does not come back ends the campaign") {
  CampaignWorld world;
  world.add_board("0", BoardState::dirty);
  world.add_board("1", BoardState::dirty);
  world.boards.result = ResetResult::failed;
  const CampaignRow row = world.finished(world.submit(world.request({"1", "0"})));
  CHECK(row.outcome == CampaignOutcome::board_unusable);
  CHECK(world.boards.resets == std::vector<std::string>{"0"});
  CHECK_THAT(row.reason, ContainsSubstring("device 0 is gone"));
}

TEST_CASE("the budget's sight is told at the start and again once a run was measured") {
  CampaignWorld world;
  world.runner.ends = [](const AttemptOrder& order, AttemptResult& result) {
    if (order.row.number == 3) result.row.verdict = Verdict::setup_error;
  };
  world.finished(world.submit(world.request()));
  std::vector<std::string> told;
  for (const std::string& body : world.events("campaign.step"))
    if (body.find(R"("step":"budget")") != std::string::npos) told.push_back(body);
  REQUIRE(told.size() == 2);
  CHECK_THAT(told[0], ContainsSubstring("of 20.0 s, which is a guess"));
  CHECK_THAT(told[1], ContainsSubstring(R"("expected_attempt_ms":10000,"assumed":false)"));
}

TEST_CASE("a campaign leaves its results on the case's page") {
  CampaignWorld world;
  match_at(world, {1, 3, 4});
  world.finished(world.submit(world.request()));
  CHECK_THAT(page(world), ContainsSubstring("# ledger"));
  CHECK_THAT(page(world), ContainsSubstring("**reproduced**: 3 matched of 3 wanted"));
}

TEST_CASE("a page that cannot be written does not keep a campaign from ending") {
  CampaignWorld world;
  world.writer.refuses = "Permission denied";
  match_at(world, {1, 3, 4});
  const CampaignId id = world.submit(world.request());
  CHECK(world.finished(id).outcome == CampaignOutcome::reproduced);
  CHECK(is_told(world, "README.md was not written"));
}

TEST_CASE("a page that is edited while it is replaced keeps the edit") {
  CampaignWorld world;
  write_file_atomically(world.case_folder().readme(), "# mine\n");
  world.writer.before_a_write = [&] {
    if (world.writer.writes == 1) write_file_atomically(world.case_folder().readme(), "# mine, edited\n");
  };
  match_at(world, {1, 3, 4});
  world.finished(world.submit(world.request()));
  CHECK(page(world).starts_with("# mine, edited\n"));
  CHECK_THAT(page(world), ContainsSubstring("**reproduced**"));
}

TEST_CASE("a page that is a symlink is not followed and said to be so") {
  CampaignWorld world;
  write_file_atomically(world.folder / "secret", "key");
  std::filesystem::create_symlink(world.folder / "secret", world.case_folder().readme());
  match_at(world, {1, 3, 4});
  CHECK(world.finished(world.submit(world.request())).outcome == CampaignOutcome::reproduced);
  CHECK(read_file(world.folder / "secret") == "key");
  CHECK(std::filesystem::is_symlink(world.case_folder().readme()));
  CHECK(is_told(world, "README.md was not written"));
  CHECK(is_told(world, "symbolic links"));
}

TEST_CASE("the first match is shown around the line that says what failed") {
  CampaignWorld world;
  const std::string log =
      "fine\n>   raise RuntimeError(\"ledger differs\")\n\x1b[31mE   RuntimeError: ledger differs\x1b[0m\nmore\n";
  world.runner.ends = [&](const AttemptOrder& order, AttemptResult& result) {
    if (order.row.number != 2) {
      result.row.verdict = order.row.number > 3 ? Verdict::setup_error : Verdict::passed;
      return;
    }
    result.row.verdict = Verdict::reproduced;
    result.row.match_grade = "exact";
    Signature seen = CampaignWorld::signature();
    seen.message_template = "RuntimeError: ledger differs";
    result.row.failure_json = to_json_text(seen);
    std::ofstream{order.folder.run_log(2)} << log;
    LogSignalRow signal;
    signal.attempt_id = order.row.id;
    signal.rule = "case.signature";
    signal.signal_class = "exception";
    signal.offset = 5;
    signal.line = ">   raise RuntimeError(\"ledger differs\")";
    signal.fields_json = "{}";
    world.store.transaction([&] { world.store.attempts.add_signals({signal}); });
  };
  const CampaignId id = world.submit(world.request());
  world.finished(id);
  const std::string at = std::to_string(log.find("\x1b[31m"));
  CHECK_THAT(page(world), ContainsSubstring("First match: attempt 2, arm plain, `logs/run_2.log` at byte " + at +
                                            ".\n\nGraded *exact* against CI's failure."));
  CHECK_THAT(page(world), ContainsSubstring("```text\nfine\n>   raise RuntimeError(\"ledger differs\")\n"
                                            "E   RuntimeError: ledger differs\nmore\n```"));
  CHECK_THAT(world.row(id).report_json, ContainsSubstring("\"offset\":" + at));
}

TEST_CASE("a case.yaml that went bad ends the campaign with its line") {
  CampaignWorld world;
  always(world, Verdict::setup_error);
  world.runner.holds = true;
  world.submit(world.request());
  const CampaignId id = world.submit(world.request());  // waits for the first
  write_file_atomically(world.case_folder().settings(), "bord: 1\n");
  world.runner.release();
  const CampaignRow row = world.finished(id);
  CHECK(row.outcome == CampaignOutcome::setup_error);
  CHECK_THAT(row.reason, ContainsSubstring("case.yaml:1: bord"));
}

TEST_CASE("the page names the campaigns before") {
  CampaignWorld world;
  always(world, Verdict::setup_error);
  const CampaignId first = world.submit(world.request());
  world.finished(first);
  world.finished(world.submit(world.request()));
  CHECK_THAT(page(world), ContainsSubstring("| " + std::to_string(first.value) + " |"));
}

TEST_CASE("a campaign that finds nothing leaves the better result of an earlier one on the page") {
  CampaignWorld world;
  match_at(world, {1, 3, 4});
  const CampaignId good = world.submit(world.request());
  world.finished(good);
  always(world, Verdict::setup_error);
  const CampaignId bad = world.submit(world.request());
  const CampaignRow row = world.finished(bad);
  CHECK_THAT(row.report_json, ContainsSubstring(R"("outcome":"setup_error")"));
  CHECK_THAT(page(world), ContainsSubstring("**reproduced**: 3 matched of 3 wanted. Campaign 1, "));
  CHECK_THAT(page(world), ContainsSubstring("The newest campaign, 2, ended as **setup_error**") &&
                              ContainsSubstring(" after 1 attempt ("));
  CHECK_THAT(page(world), ContainsSubstring("`logs/run_1.log`"));
  CHECK_THAT(page(world), ContainsSubstring("| 2 | ") && !ContainsSubstring("\n| 1 | "));
  match_at(world, {6, 8, 9});
  world.finished(world.submit(world.request()));
  CHECK_THAT(page(world), ContainsSubstring(". Campaign 3, ") && !ContainsSubstring("The newest campaign"));
}

TEST_CASE("what was found of another failure does not stay on the page") {
  CampaignWorld world;
  match_at(world, {1, 3, 4});
  world.finished(world.submit(world.request()));
  always(world, Verdict::setup_error);
  Signature other = CampaignWorld::signature();
  other.message_template = "the board is gone";
  world.store.transaction([&] { world.store.cases.save_analysis(world.of_case.id, "", to_json_text(other), 2); });
  world.finished(world.submit(world.request()));
  CHECK_THAT(page(world), ContainsSubstring("**setup_error**") && ContainsSubstring("| reproduced |"));
}

TEST_CASE("the page says what failed in CI and where its log says so") {
  CampaignWorld world;
  always(world, Verdict::setup_error);
  Evidence evidence;
  evidence.files = {"/cases/ledger/logs/ci.log"};
  evidence.is_failure = true;
  evidence.failure_type = FailureType::exception;
  evidence.exception = {"ledger.LostUpdate", {0, 41, 900}};
  evidence.error_line = {"ledger.LostUpdate: the ledger says 17", {0, 41, 900}};
  evidence.throw_location = {"tests/test_ledger.py:12", {0, 40, 870}};
  evidence.test_id = {"tests/test_ledger.py::test_adds[4]", {0, 3, 20}};
  const auto save = [&](const Signature& signature) {
    world.store.transaction(
        [&] { world.store.cases.save_analysis(world.of_case.id, to_json_text(evidence), to_json_text(signature), 2); });
  };
  save(signature_of(evidence));
  world.finished(world.submit(world.request()));
  CHECK_THAT(page(world), ContainsSubstring("CI's failure: tests/test_ledger.py::test_adds\\[4\\], exception, "
                                            "**LostUpdate**: ledger.LostUpdate: the ledger says 17, raised at "
                                            "tests/test_ledger.py:12 (logs/ci.log:41)."));
  save(CampaignWorld::signature());
  world.finished(world.submit(world.request()));
  CHECK_THAT(page(world), ContainsSubstring("CI's failure: exception, **RuntimeError**: ledger differs.\n"));
}
