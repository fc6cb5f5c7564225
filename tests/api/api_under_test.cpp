#include "tests/api/api_under_test.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <fstream>

#include "api/token.hpp"
#include "supervisor/clock.hpp"
#include "tests/support/catch.hpp"

namespace ndr {
namespace asio = boost::asio;

namespace {

constexpr const char* ci_log =
    "2025-03-04T10:20:30.0000001Z ##[group]Run python3 ledger/store.py\n"
    "2025-03-04T10:20:30.0000001Z ##[endgroup]\n"
    "2025-03-04T10:20:30.0000002Z Traceback (most recent call last):\n"
    "2025-03-04T10:20:30.0000003Z   File \"/project/ledger/store.py\", line 41, in settle\n"
    "2025-03-04T10:20:30.0000004Z     raise RuntimeError(f\"ledger differs: {seen}\")\n"
    "2025-03-04T10:20:30.0000005Z RuntimeError: ledger differs: 31 entries, expected 32\n"
    "2025-03-04T10:20:30.0000006Z ##[error]Process completed with exit code 1.\n";

}  // namespace

asio::awaitable<AttemptResult> WaitingRunner::run(AttemptOrder order) {
  while (std::find(cancelled_.begin(), cancelled_.end(), order.row.id) == cancelled_.end())
    co_await changes_.newer_than(changes_.generation(), std::chrono::hours(1));
  order.row.verdict = Verdict::cancelled;
  order.row.ended_at_ms = wall_ms();
  co_return AttemptResult{std::move(order.row), false};
}

void WaitingRunner::cancel(AttemptId id) {
  cancelled_.push_back(id);
  changes_.bump();
}

asio::awaitable<ResetRow> WaitingBoards::reset(std::string board, std::optional<CampaignId> campaign,
                                               std::string requested_by) {
  ResetRow row;
  row.board = std::move(board);
  row.campaign_id = campaign;
  row.command = R"(["tt-smi","-r","/dev/tenstorrent/0"])";
  row.devices_before = R"(["0"])";
  row.requested_by = std::move(requested_by);
  row.created_at_ms = wall_ms();
  const auto begin = [row](Store& store) { return store.boards.begin_reset(row); };
  row.id = co_await store_.write(begin);
  while (!may_end)
    co_await changes_.newer_than(changes_.generation(), std::chrono::hours(1));
  row.result = ResetResult::verified;
  row.ended_at_ms = wall_ms();
  row.devices_after = row.devices_before;
  const auto finish = [row](Store& store) { store.boards.finish_reset(row); };
  co_await store_.write(finish);
  co_return row;
}

asio::awaitable<std::optional<Refusal>> WaitingBoards::why_not_reset(std::string, bool) {
  if (before_holders) before_holders();
  co_return why_not;
}

ApiUnderTest::ApiUnderTest(ServerLimits limits) {
  settings.state_folder = folder / "state";
  settings.runtime_folder = folder.path();
  settings.shim = std::filesystem::path{NDREPRO_BIN_DIR} / "ndreprod-shim";
  settings.case_roots = {folder / "cases"};
  std::filesystem::create_directories(settings.case_roots.front());
  std::filesystem::create_directories(settings.state_folder);
  token = create_token_files(folder.path());
  start(limits);
}

void ApiUnderTest::start(ServerLimits limits) {
  const auto executor = io.get_executor();
  store = std::make_unique<Store>(settings.state_folder / "ndrepro.db");
  access = std::make_unique<StoreAccess>(*store, changes);
  runner = std::make_unique<WaitingRunner>(changes);
  boards = std::make_unique<WaitingBoards>(*access, changes);
  launcher = std::make_unique<Launcher>(executor, settings.shim);
  cases = std::make_unique<CaseRegistry>(settings, *access, *launcher);
  writer = std::make_unique<ShimCaseWriter>(*launcher);
  campaigns = std::make_unique<CampaignQueue>(executor, settings, *access, *runner, *boards, *writer);
  arms = std::make_unique<ArmMenu>(settings);
  std::vector<Listener> listeners;
  listeners.push_back(listen_unix(folder / "api.sock").value());
  listeners.push_back(listen_tcp(0).value());
  port = listeners.back().port();
  const Services services{settings, *access, changes, *cases, *campaigns, *boards, *arms, wall_ms()};
  server = std::make_unique<Server>(executor, services, std::move(listeners), token, limits);
  server->start();
  thread_ = std::thread{[this] {
    const auto work = asio::make_work_guard(io);
    io.run();
  }};
}

void ApiUnderTest::stop() {
  if (!server) return;
  asio::co_spawn(io, server->stop(), asio::use_future).get();
  on_io([this] { server.reset(); });
}

ApiUnderTest::~ApiUnderTest() {
  stop();
  asio::co_spawn(io, campaigns->stop(), asio::use_future).get();
  io.stop();
  thread_.join();
}

nlohmann::json ApiUnderTest::json(const std::string& target) const {
  const WireReply reply = get(target);
  INFO(target << ": " << reply.body);
  REQUIRE(reply.status == 200);
  return nlohmann::json::parse(reply.body);
}

std::filesystem::path ApiUnderTest::make_case(const std::string& name) const {
  const std::filesystem::path root = settings.case_roots.front() / name;
  std::filesystem::create_directories(root / "logs");
  std::filesystem::create_directories(root / "tests");
  std::ofstream{root / "logs" / "ci.log"} << ci_log;
  std::ofstream{root / "run_test.sh"} << "#!/bin/bash\n# ndrepro-contract: 1\necho fine\n";
  std::filesystem::permissions(root / "run_test.sh", std::filesystem::perms::owner_all);
  return root;
}

CaseId ApiUnderTest::add_case(const std::string& name) {
  const std::filesystem::path root = settings.case_roots.front() / name;
  std::filesystem::create_directories(root / "logs");
  CaseRow row;
  row.name = name;
  row.folder = root;
  row.owner = "uid:1000";
  row.created_at_ms = wall_ms();
  return change([row](Store& stored) { return stored.cases.insert(row); });
}

CampaignId ApiUnderTest::add_campaign(CaseId id) {
  return change([id](Store& stored) {
    CampaignRow row;
    row.case_id = id;
    row.host_id = stored.campaigns.host("lab-1", "{}");
    row.boards = R"(["host"])";
    row.signature_json = "{}";
    row.policy_json = "{}";
    row.requested_by = "uid:1000";
    row.created_at_ms = wall_ms();
    return stored.campaigns.insert(row);
  });
}

AttemptRow ApiUnderTest::add_attempt(CampaignId id, int number) {
  return change([=](Store& stored) {
    AttemptRow row;
    row.campaign_id = id;
    row.host_id = stored.campaigns.host("lab-1", "{}");
    row.number = number;
    row.arm = "plain";
    row.parameters = "{}";
    row.created_at_ms = wall_ms();
    return stored.attempts.find(stored.attempts.begin(row)).value();
  });
}

EventId ApiUnderTest::add_event(const std::string& type, std::optional<CampaignId> campaign) {
  return change([=](Store& stored) {
    EventRow row;
    row.at_ms = wall_ms();
    row.type = type;
    row.campaign_id = campaign;
    row.body = R"({"text":"hello"})";
    return stored.events.append(row);
  });
}

void ApiUnderTest::finish_campaign(CampaignId id) {
  change([id](Store& stored) {
    stored.campaigns.begin(id, R"(["host"])", wall_ms());
    stored.campaigns.finish(id, CampaignOutcome::not_reproduced, "0 of 10", R"({"rate":0})", wall_ms());
  });
}

void ApiUnderTest::finish_attempt(AttemptRow row) {
  row.verdict = Verdict::passed;
  row.ended_at_ms = wall_ms();
  change([row](Store& stored) { stored.attempts.finish(row); });
}

std::filesystem::path ApiUnderTest::log_of(const std::string& case_name, int number) const {
  return settings.case_roots.front() / case_name / "logs" / ("run_" + std::to_string(number) + ".log");
}

std::string code_of(const WireReply& reply) { return nlohmann::json::parse(reply.body).at("code"); }

}  // namespace ndr
