#include "supervisor/campaign/queue.hpp"

#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "supervisor/campaign/policy.hpp"
#include "tests/supervisor/campaign/campaign_world.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

void end_at_once(CampaignWorld& world) {
  world.runner.ends = [](const AttemptOrder&, AttemptResult& result) { result.row.verdict = Verdict::setup_error; };
}

/// A campaign in the middle of its first attempt.
CampaignId running(CampaignWorld& world, std::vector<std::string> boards = {}) {
  world.runner.holds = true;
  const std::size_t before = world.runner.ran.size();
  const CampaignId id = world.submit(world.request(std::move(boards)));
  world.run_until([&] { return world.runner.ran.size() > before; });
  return id;
}

/// A stored campaign that no driver can make sense of.
CampaignId unreadable(CampaignWorld& world) {
  CampaignRow row;
  row.case_id = world.of_case.id;
  row.host_id = world.store.campaigns.host("h", "{}");
  row.boards = R"(["host"])";
  row.signature_json = "{}";
  row.policy_json = "{}";
  row.requested_by = "uid:0";
  world.store.transaction([&] { row.id = world.store.campaigns.insert(row); });
  return row.id;
}

/// The errors that are logged while it is there. A write that is rolled back leaves no other trace.
class LoggedErrors {
public:
  LoggedErrors() {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(text_);
    auto logger = std::make_shared<spdlog::logger>("heard", std::move(sink));
    logger->set_level(spdlog::level::err);
    spdlog::set_default_logger(std::move(logger));
  }
  ~LoggedErrors() { spdlog::set_default_logger(before_); }
  LoggedErrors(const LoggedErrors&) = delete;
  LoggedErrors& operator=(const LoggedErrors&) = delete;

  int count(std::string_view words) const {
    const std::string text = text_.str();
    int found = 0;
    for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + words.size()))
      ++found;
    return found;
  }

private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

/// As if the daemon had died and a new one had started on the same rows.
void restart(CampaignWorld& world) {
  run_coroutine(world.io, world.queue->stop());
  world.start_queue();
  run_coroutine(world.io, world.queue->restore());
}

}  // namespace

TEST_CASE("campaigns on one board run one after the other, in the order they came") {
  CampaignWorld world;
  end_at_once(world);
  const CampaignId first = running(world);
  const CampaignId second = world.submit(world.request());
  const CampaignId third = world.submit(world.request());
  CHECK(world.row(second).state == CampaignState::queued);
  world.runner.release();
  world.finished(third);
  CHECK(world.row(first).ended_at_ms <= world.row(second).started_at_ms);
  CHECK(world.row(second).ended_at_ms <= world.row(third).started_at_ms);
}

TEST_CASE("campaigns on different boards run side by side") {
  CampaignWorld world;
  world.add_board("0");
  world.add_board("1");
  running(world, {"0"});
  const CampaignId other = running(world, {"1"});
  CHECK(world.row(other).state == CampaignState::running);
  CHECK(world.runner.ran.size() == 2);
}

TEST_CASE("nobody overtakes a campaign that waits for two boards") {
  CampaignWorld world;
  end_at_once(world);
  world.add_board("0");
  world.add_board("1");
  running(world, {"0"});
  const CampaignId both = world.submit(world.request({"0", "1"}));
  const CampaignId late = world.submit(world.request({"1"}));
  world.runner.holds = false;
  CHECK(world.row(late).state == CampaignState::queued);
  world.runner.release();
  world.finished(late);
  CHECK(world.row(both).ended_at_ms <= world.row(late).started_at_ms);
}

TEST_CASE("a queued campaign is cancelled at once") {
  CampaignWorld world;
  running(world);
  const CampaignId waiting = world.submit(world.request());
  CHECK(run_coroutine(world.io, world.queue->cancel(waiting)).has_value());
  const CampaignRow row = world.row(waiting);
  CHECK(row.state == CampaignState::finished);
  CHECK(row.outcome == CampaignOutcome::cancelled);
}

TEST_CASE("cancelling a running campaign stops its attempt") {
  CampaignWorld world;
  const CampaignId id = running(world);
  CHECK(run_coroutine(world.io, world.queue->cancel(id)).has_value());
  const CampaignRow row = world.finished(id);
  CHECK(row.outcome == CampaignOutcome::cancelled);
  CHECK(world.store.attempts.of_campaign(id).front().verdict == Verdict::cancelled);
  CHECK(world.runner.cancelled.size() == 1);
}

TEST_CASE("what cannot be cancelled is refused") {
  CampaignWorld world;
  end_at_once(world);
  CHECK(run_coroutine(world.io, world.queue->cancel(CampaignId{99})).error().field == "campaign");
  const CampaignId id = world.submit(world.request());
  world.finished(id);
  CHECK(run_coroutine(world.io, world.queue->cancel(id)).error().reason == "campaign 1 has finished");
}

TEST_CASE("stop leaves running attempts alone and stores nothing of them") {
  CampaignWorld world;
  const CampaignId id = running(world);
  run_coroutine(world.io, world.queue->stop());
  CHECK(world.row(id).state == CampaignState::running);
  const auto attempts = world.store.attempts.of_campaign(id);
  REQUIRE(attempts.size() == 1);
  CHECK_FALSE(attempts.front().verdict);
  CHECK(world.runner.cancelled.empty());
}

TEST_CASE("after a restart the open attempt is resumed and its campaign goes on") {
  CampaignWorld world;
  const CampaignId id = running(world);
  end_at_once(world);
  world.runner.holds = false;
  restart(world);
  const CampaignRow row = world.finished(id);
  CHECK(row.outcome == CampaignOutcome::setup_error);
  CHECK(world.runner.ran.size() == 1);
  REQUIRE(world.runner.resumed.size() == 1);
  CHECK(world.runner.resumed.front().row.id == world.runner.ran.front().row.id);
  CHECK(world.store.attempts.of_campaign(id).size() == 1);
}

TEST_CASE("after a restart the running campaign comes before those that were queued") {
  CampaignWorld world;
  const CampaignId first = running(world);
  const CampaignId second = world.submit(world.request());
  end_at_once(world);
  world.runner.holds = false;
  restart(world);
  world.finished(second);
  CHECK(world.row(first).ended_at_ms <= world.row(second).started_at_ms);
}

TEST_CASE("a cancel that came before the restart reaches the resumed attempt") {
  CampaignWorld world;
  const CampaignId id = running(world);
  world.store.transaction([&] { world.store.campaigns.request_cancel(id); });
  restart(world);
  CHECK(world.finished(id).outcome == CampaignOutcome::cancelled);
  CHECK(world.runner.cancelled.size() == 1);
}

TEST_CASE("a board that was left in the middle of a reset is reset again before it is used") {
  CampaignWorld world;
  world.add_board("0", BoardState::resetting);
  end_at_once(world);
  const CampaignId id = world.submit(world.request({"0"}));
  world.finished(id);
  CHECK(world.boards.resets == std::vector<std::string>{"0"});
}

TEST_CASE("a campaign whose rows cannot be understood is given up with the reason") {
  CampaignWorld world;
  end_at_once(world);
  const CampaignId id = unreadable(world);
  run_coroutine(world.io, world.queue->restore());
  const CampaignRow given_up = world.finished(id);
  CHECK(given_up.outcome == CampaignOutcome::setup_error);
  CHECK_THAT(given_up.reason, ContainsSubstring("failed 4 times: the campaign's own rows cannot be read"));
  CHECK(world.finished(world.submit(world.request())).state == CampaignState::finished);  // the lease is free
}

TEST_CASE("a campaign that could not go on keeps its boards until it is tried again") {
  CampaignWorld world;
  world.settings.retry_pauses_ms = {3600000};
  const CampaignId id = unreadable(world);
  run_coroutine(world.io, world.queue->restore());
  for (int i = 0; i < 100; ++i)
    world.io.poll();
  CHECK(world.queue->leases().holder("host") == id);
  const auto began = std::chrono::steady_clock::now();
  run_coroutine(world.io, world.queue->stop());
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds{1});  // no pause keeps the daemon
  CHECK(world.row(id).state == CampaignState::queued);
}

TEST_CASE("a campaign is cancelled also while it waits for its next try") {
  CampaignWorld world;
  world.settings.retry_pauses_ms = {3600000};
  world.store.database.execute(
      "CREATE TRIGGER full BEFORE UPDATE OF state ON campaigns BEGIN "
      "SELECT RAISE(ABORT, 'disk full'); END");
  const CampaignId id = world.submit(world.request());
  for (int i = 0; i < 100; ++i)
    world.io.poll();
  world.store.database.execute("DROP TRIGGER full");
  CHECK(run_coroutine(world.io, world.queue->cancel(id)).has_value());
  CHECK(world.finished(id).outcome == CampaignOutcome::cancelled);
  CHECK(world.runner.ran.empty());
}

TEST_CASE("giving a campaign up is tried until it is stored, and its boards are kept so long") {
  CampaignWorld world;
  world.settings.retry_pauses_ms = {0};
  world.store.database.execute(
      "CREATE TRIGGER full BEFORE UPDATE OF outcome ON campaigns BEGIN "
      "SELECT RAISE(ABORT, 'disk full'); END");
  const CampaignId id = unreadable(world);
  const LoggedErrors errors;
  run_coroutine(world.io, world.queue->restore());
  world.run_until([&] { return errors.count("cannot be ended yet") >= 3; });
  CHECK(world.row(id).state == CampaignState::queued);
  CHECK(world.queue->leases().holder("host") == id);
  world.store.database.execute("DROP TRIGGER full");
  CHECK(world.finished(id).outcome == CampaignOutcome::setup_error);
  world.run_until([&] { return !world.queue->leases().is_leased("host"); });
}

TEST_CASE("a campaign waits for a board that is leased by hand") {
  CampaignWorld world;
  end_at_once(world);
  world.add_board("0");
  auto by_hand = world.queue->leases().try_lease({"0"}, std::nullopt);
  const CampaignId id = world.submit(world.request({"0"}));
  world.io.poll();
  CHECK(world.row(id).state == CampaignState::queued);
  by_hand.reset();
  world.finished(id);
  CHECK(world.runner.ran.size() == 1);
}

TEST_CASE("the time that nobody ran costs a campaign no more than its attempt may last") {
  CampaignWorld world;
  const CampaignId id = running(world);
  world.runner.holds = false;
  world.runner.ends = [&](const AttemptOrder& order, AttemptResult& result) {
    const bool taken_up = world.runner.resumed.size() == 1 && order.row.number == 1;
    result.row.verdict = taken_up ? Verdict::lost : Verdict::setup_error;
    if (taken_up) result.row.exposure_ms = 86400000;
  };
  restart(world);
  world.run_until([&] { return world.row(id).spent_ms > 0; });
  CHECK(world.row(id).spent_ms == 240000 + 35000);  // its deadline and the longest stop ladder
}

TEST_CASE("an attempt that is taken up has the limit that it was begun with") {
  CampaignWorld world;
  world.runner.holds = true;
  CampaignRequest request = world.request();
  request.budget_ms = 20000;
  world.submit(request);
  world.run_until([&] { return world.runner.ran.size() == 1; });
  end_at_once(world);
  world.runner.holds = false;
  restart(world);
  world.run_until([&] { return world.runner.resumed.size() == 1; });
  CHECK(world.runner.ran.front().deadline_ms == 16000);
  CHECK(world.runner.resumed.front().deadline_ms == 16000);
}

TEST_CASE("a restart in the middle of a reset does not make the board unusable") {
  CampaignWorld world;
  world.add_board("0", BoardState::dirty);
  const CampaignId id = running(world, {"0"});
  ResetRow cut_off;
  cut_off.board = "0";
  cut_off.campaign_id = id;
  cut_off.command = cut_off.devices_before = cut_off.devices_after = "[]";
  cut_off.result = ResetResult::unverified;
  world.store.transaction([&] {
    cut_off.id = world.store.boards.begin_reset(cut_off);
    world.store.boards.finish_reset(cut_off);
  });
  end_at_once(world);
  world.runner.holds = false;
  restart(world);
  CHECK(world.finished(id).outcome == CampaignOutcome::setup_error);
}

TEST_CASE("a queue that is gone before its campaigns harms nobody") {
  CampaignWorld world;
  running(world);
  world.queue.reset();
  world.runner.release();
  world.io.restart();
  world.io.run_for(std::chrono::milliseconds{100});
  CHECK_FALSE(world.store.attempts.of_campaign(CampaignId{1}).front().verdict);
}

TEST_CASE("a world that ends in mid-attempt harms nobody") {
  CampaignWorld world;
  running(world);
}
