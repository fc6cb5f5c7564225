#include "supervisor/campaign/verify_order.hpp"

#include "supervisor/campaign/verify.hpp"
#include "tests/supervisor/campaign/campaign_world.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

/// A world whose script asks for its checkout, with a campaign that reproduced the failure: runs of the broken build
/// match each third time.
struct MendedWorld : CampaignWorld {
  CampaignId found;
  bool is_mended = false;
  std::vector<std::string> checkouts;  // of the attempts, in their order

  MendedWorld() {
    write_file_atomically(case_folder().run_script(), "#!/bin/bash\ncd \"$NDREPRO_REPOSITORY\" && pytest \"$@\"\n",
                          0755);
    std::filesystem::create_directories(folder / "before");
    runner.ends = [this](const AttemptOrder& order, AttemptResult& result) {
      std::string checkout;
      for (const auto& [name, value] : order.environment)
        if (name == checkout_variable) checkout = value;
      checkouts.push_back(checkout);
      const bool is_broken = !is_mended || checkout == (folder / "before").string();
      if (is_broken && order.row.number % 3 == 2) result.row.verdict = Verdict::reproduced;
    };
    found = submit(request());
    finished(found);
    checkouts.clear();
  }

  VerifyRequest wanted() const {
    VerifyRequest made;
    made.case_name = "ledger";
    made.seed = 11;
    made.budget_ms = 3600000;
    made.requested_by = "uid:1000";
    return made;
  }
  Checked<CampaignId> submit_verification(VerifyRequest made) {
    return run_coroutine(io, queue->submit(std::move(made)));
  }
  CampaignRow verified(VerifyRequest made) { return finished(submit_verification(std::move(made)).value()); }
};

}  // namespace

TEST_CASE("a mended build is verified against the newest campaign that reproduced the failure") {
  MendedWorld world;
  world.is_mended = true;
  const CampaignRow row = world.verified(world.wanted());
  INFO(row.reason);
  CHECK(row.outcome == CampaignOutcome::fixed);
  CHECK(row.mode == CampaignMode::verify);
  CHECK_THAT(row.report_json, ContainsSubstring("\"verification\":{\"against\":\"1\""));
  const auto attempts = world.store.attempts.of_campaign(row.id);
  REQUIRE_FALSE(attempts.empty());
  CHECK(attempts.front().phase == AttemptPhase::verify);
  CHECK(attempts.front().subject == "fixed");
  const std::vector<std::string> steps = world.events("campaign.step");
  const auto is_told = [&steps](const std::string& text) {
    return std::any_of(steps.begin(), steps.end(),
                       [&](const auto& one) { return one.find(text) != std::string::npos; });
  };
  CHECK(is_told("\"step\":\"forecast\""));
  CHECK(is_told("\"clean_runs_to_go\":1,"));
  const std::string page = read_file(world.case_folder().readme());
  CHECK_THAT(page, ContainsSubstring("ended as **fixed**") && ContainsSubstring("**reproduced**"));
}

TEST_CASE("a build that was not mended is still failing, and the next command shows its match") {
  MendedWorld world;
  const CampaignRow row = world.verified(world.wanted());
  CHECK(row.outcome == CampaignOutcome::still_failing);
  CHECK_THAT(row.report_json, ContainsSubstring("\"next_command\":\"ndreproctl logs ledger/"));
}

TEST_CASE("controls run the same script on the other checkout, and their rows say so") {
  MendedWorld world;
  world.is_mended = true;
  std::filesystem::create_directories(world.folder / "before" / ".git");
  write_file_atomically(world.folder / "before" / ".git" / "HEAD", "0123456789abcdef0123456789abcdef01234567\n");
  VerifyRequest wanted = world.wanted();
  wanted.broken = (world.folder / "before").string();
  const CampaignRow row = world.verified(wanted);
  INFO(row.reason);
  CHECK(row.outcome == CampaignOutcome::fixed);
  CHECK(world.checkouts.at(0) == wanted.broken);
  CHECK(world.checkouts.at(1).empty());
  CHECK(world.store.attempts.of_campaign(row.id).front().subject == "broken 0123456789ab");
}

TEST_CASE("a verification that could only fail is refused, and nothing is stored") {
  MendedWorld world;
  const auto field = [&world](VerifyRequest wanted) {
    const Checked<CampaignId> id = world.submit_verification(std::move(wanted));
    CHECK(world.store.campaigns.unfinished().empty());
    return id.has_error() ? id.error().field : std::string{};
  };
  VerifyRequest wanted = world.wanted();
  wanted.case_name = "nobody";
  CHECK(field(wanted) == "case");
  wanted = world.wanted();
  wanted.budget_ms = 999;
  CHECK(field(wanted) == "budget");
  wanted = world.wanted();
  wanted.risk = 0.5;
  CHECK(field(wanted) == "risk");
  wanted = world.wanted();
  wanted.against = CampaignId{99};
  CHECK(field(wanted) == "against");
  wanted = world.wanted();
  wanted.broken = (world.folder / "nowhere").string();
  CHECK(field(wanted) == "broken");
  write_file_atomically(world.case_folder().run_script(), "#!/bin/bash\npytest \"$@\"\n", 0755);
  wanted.broken = (world.folder / "before").string();
  CHECK(field(wanted) == "broken");
}

TEST_CASE("without a campaign that reproduced the failure there is nothing to verify against") {
  CampaignWorld world;
  VerifyRequest wanted;
  wanted.case_name = "ledger";
  const Checked<CampaignId> id = run_coroutine(world.io, world.queue->submit(wanted));
  REQUIRE(id.has_error());
  CHECK(id.error().field == "against");
  CHECK_THAT(id.error().remedy, ContainsSubstring("ndreproctl run ledger -f"));
}

TEST_CASE("the recipe is repeated where it is well known, else the arm that matched most") {
  VerifyBasis basis;
  Policy policy;
  policy.slices = true;
  policy.arms = {{"copies", 1}, {"noise", 1}};
  basis.campaign.id = CampaignId{3};
  basis.campaign.outcome = CampaignOutcome::reproduced;
  basis.campaign.policy_json = to_json_text(policy);
  const auto add = [&basis](const Arm& arm, std::int64_t runs, std::int64_t matched) {
    AttemptRow row;
    row.number = static_cast<int>(basis.attempts.size()) + 1;
    row.phase = AttemptPhase::search;
    row.arm = arm.name;
    row.parameters = parameters_of(arm);
    row.verdict = matched > 0 ? Verdict::reproduced : Verdict::passed;
    row.runs = runs;
    row.matched = matched;
    row.exposure_ms = runs * 10;
    row.slice_json = progress_json({.runs = runs, .passed = runs - matched, .over = true, .median_us = 10000});
    basis.attempts.push_back(row);
  };
  Arm weak;
  weak.name = "copies";
  weak.copies = 2;
  Arm strong = noise_arm(1);
  strong.copies = 4;
  add(strong, 20, 5);
  add(weak, 30, 1);
  const Verification by_most = verification_of(basis, 0.05).value();
  CHECK(by_most.arm.name == "noise");
  CHECK(by_most.before.matched == 5);
  CHECK(by_most.until_matched);
  add(weak, 30, 2);
  const Verification by_recipe = verification_of(basis, 0.05).value();
  CHECK(by_recipe.arm == weak);
  CHECK(by_recipe.before.clean == 57);
  CHECK(by_recipe.sliced);
}
