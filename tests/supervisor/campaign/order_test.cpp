#include "supervisor/campaign/order.hpp"

#include <nlohmann/json.hpp>

#include "tests/supervisor/campaign/campaign_world.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

Refusal refusal_of(CampaignWorld& world, CampaignRequest request) {
  const Checked<CampaignId> id = run_coroutine(world.io, world.queue->submit(std::move(request)));
  CHECK(world.store.campaigns.unfinished().empty());
  return id.has_error() ? id.error() : Refusal{};
}

Policy policy_of(CampaignWorld& world, CampaignRequest request) {
  const CampaignId id = world.submit(std::move(request));
  return policy_from(world.row(id).policy_json).value();
}

}  // namespace

TEST_CASE("an order that could only fail is refused, and nothing is stored") {
  CampaignWorld world;
  CampaignRequest unknown = world.request();
  unknown.case_name = "nobody";
  CHECK(refusal_of(world, unknown).field == "case");
  CampaignRequest hasty = world.request();
  hasty.budget_ms = 999;
  CHECK(refusal_of(world, hasty).field == "budget");
  hasty.budget_ms = 8ll * 86400 * 1000;
  CHECK(refusal_of(world, hasty).field == "budget");
  CampaignRequest sure = world.request();
  sure.confirmations = 0;
  CHECK(refusal_of(world, sure).field == "confirmations");
  CHECK(refusal_of(world, world.request({"4"})).field == "boards");
  CHECK(refusal_of(world, world.request({"../0"})).field == "boards");
  CHECK(refusal_of(world, world.request({"host", "0"})).field == "boards");
  world.add_board("0");
  CHECK(refusal_of(world, world.request({"0", "0"})).field == "boards");
}

TEST_CASE("a case without a failure to reproduce is refused") {
  CampaignWorld world;
  world.store.transaction([&] {
    world.store.cases.save_analysis(world.of_case.id, "", to_json_text(CampaignWorld::signature(FailureType::none)), 2);
  });
  CHECK(refusal_of(world, world.request()).reason == "its CI logs show no failure");
  world.store.transaction([&] { world.store.cases.save_analysis(world.of_case.id, "", "{}", 3); });
  CHECK(refusal_of(world, world.request()).reason == "its stored signature cannot be read");
  CaseRow fresh = world.of_case;
  fresh.signature_json.reset();
  const auto order = order_of(world.request(), fresh, world.settings);
  REQUIRE(order.has_error());
  CHECK(order.error().reason == "has not been analysed");
}

TEST_CASE("a script that cannot run is refused with what to do") {
  CampaignWorld world;
  std::filesystem::permissions(world.case_folder().run_script(), std::filesystem::perms::owner_read);
  CHECK_THAT(refusal_of(world, world.request()).remedy, ContainsSubstring("chmod +x"));
  std::filesystem::remove(world.case_folder().run_script());
  CHECK_THAT(refusal_of(world, world.request()).field, ContainsSubstring("run_test.sh"));
}

TEST_CASE("a folder that has moved out of the roots, or a bad case.yaml, is refused") {
  CampaignWorld world;
  write_file_atomically(world.case_folder().settings(), "colour: red\n");
  CHECK_THAT(refusal_of(world, world.request()).field, ContainsSubstring("case.yaml:1: colour"));
  std::filesystem::remove(world.case_folder().settings());
  world.settings.case_roots = {world.folder / "elsewhere"};
  CHECK_FALSE(refusal_of(world, world.request()).reason.empty());
}

TEST_CASE("boards come from the request, else from case.yaml, else it is the pseudo-board") {
  CampaignWorld world;
  world.runner.holds = true;
  world.add_board("0");
  world.add_board("1");
  CHECK(world.row(world.submit(world.request())).boards == R"(["host"])");
  write_file_atomically(world.case_folder().settings(), "boards: [1]\n");
  CHECK(world.row(world.submit(world.request())).boards == R"(["1"])");
  CHECK(world.row(world.submit(world.request({"1", "0"}))).boards == R"(["0","1"])");
}

TEST_CASE("a device failure takes the board that failed in CI, else the host's only one") {
  CampaignWorld world;
  world.runner.holds = true;
  const auto analysed = [&](const std::string& named) {
    Evidence evidence;
    if (!named.empty()) evidence.rank_or_device = Sourced<std::string>{named, {}};
    world.store.transaction([&] {
      world.store.cases.save_analysis(world.of_case.id, to_json_text(evidence),
                                      to_json_text(CampaignWorld::signature(FailureType::device_contention)), 2);
    });
  };
  const auto boards = [&] { return world.row(world.submit(world.request())).boards; };
  analysed("rank 1 device 3");
  CHECK(boards() == R"(["host"])");
  world.add_board("0");
  CHECK(boards() == R"(["0"])");
  world.add_board("3");
  CHECK(boards() == R"(["3"])");
  analysed("gw1");
  CHECK(boards() == R"(["host"])");
}

TEST_CASE("the policy follows request, script and evidence") {
  CampaignWorld world;
  world.runner.holds = true;
  Evidence evidence;
  evidence.timeouts["operation_s"] = {10.0, {}};
  world.store.transaction([&] {
    world.store.cases.save_analysis(world.of_case.id, to_json_text(evidence),
                                    to_json_text(CampaignWorld::signature(FailureType::device_timeout)), 2);
  });
  CampaignRequest request = world.request();
  request.mode = CampaignMode::soak;
  request.budget_ms = 7200000;
  request.confirmations = 5;
  const Policy policy = policy_of(world, request);
  CHECK(policy.mode == CampaignMode::soak);
  CHECK(policy.seed == 7);
  CHECK(policy.budget_ms == 7200000);
  CHECK(policy.confirmations == 5);
  CHECK(policy.device_timeout);
  CHECK(policy.operation_timeout_s == 10);
  CHECK(policy.watchdog_adjustable);
  CHECK(policy.plain_iterations == 0);
  CHECK(policy.boards == 0);
  write_file_atomically(world.case_folder().run_script(),
                        "#!/bin/bash\n# ndrepro-contract: 1\nexport TT_METAL_OPERATION_TIMEOUT_SECONDS=5\n", 0755);
  const Policy by_contract = policy_of(world, request);
  CHECK(by_contract.plain_iterations == 1);
  CHECK_FALSE(by_contract.watchdog_adjustable);
}

TEST_CASE("noise is for failures that no time limit made, and where its library lies") {
  CampaignWorld world;
  world.runner.holds = true;
  CHECK(policy_of(world, world.request()).noise_library.empty());
  const std::filesystem::path library = world.settings.noise_library();
  std::filesystem::create_directories(library.parent_path());
  write_file_atomically(library, "");
  CHECK(policy_of(world, world.request()).noise_library == library.string());
  for (const FailureType type : {FailureType::device_timeout, FailureType::test_timeout}) {
    world.store.transaction([&] {
      world.store.cases.save_analysis(world.of_case.id, to_json_text(Evidence{}),
                                      to_json_text(CampaignWorld::signature(type)), 2);
    });
    CHECK(policy_of(world, world.request()).noise_library.empty());
  }
}

TEST_CASE("a campaign without a seed is given one") {
  CampaignWorld world;
  world.runner.holds = true;
  CampaignRequest request = world.request();
  request.seed.reset();
  const CampaignRow first = world.row(world.submit(request));
  const CampaignRow second = world.row(world.submit(request));
  CHECK(first.seed != second.seed);
}

TEST_CASE("the length of earlier plain runs is the expected length of the next") {
  CampaignWorld world;
  world.runner.ends = [](const AttemptOrder& order, AttemptResult& result) {
    result.row.exposure_ms = order.row.number * 1000;
    if (order.row.number == 3) result.row.verdict = Verdict::setup_error;
  };
  world.finished(world.submit(world.request()));
  world.runner.holds = true;
  CHECK(policy_of(world, world.request()).expected_attempt_ms == 1500);
}

TEST_CASE("this host has a name and a fingerprint of its kernel") {
  const HostRow host = this_host();
  CHECK_FALSE(host.name.empty());
  const auto fingerprint = nlohmann::json::parse(host.fingerprint);
  CHECK_FALSE(fingerprint.at("kernel").get<std::string>().empty());
  CHECK(fingerprint.contains("driver"));
}
