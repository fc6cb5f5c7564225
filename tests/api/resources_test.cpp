#include <fstream>

#include "tests/api/api_under_test.hpp"
#include "tests/support/catch.hpp"

namespace ndr {
namespace {

void write(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream{file} << text;
}

TEST_CASE("a case goes its way from folder to campaign and back by cancel") {
  ApiUnderTest api;
  const std::filesystem::path root = api.make_case("ledger");
  const std::string order = nlohmann::json{{"folder", root.string()}}.dump();

  const WireReply added = api.post("/v1/cases", order);
  INFO(added.body);
  REQUIRE(added.status == 201);
  CHECK(added.header("location") == "/v1/cases/ledger");
  CHECK(api.post("/v1/cases", order).status == 200);
  CHECK(api.json("/v1/cases")["cases"].size() == 1);
  CHECK(code_of(api.get("/v1/cases/ledger/analysis")) == "no_analysis");

  const WireReply analyzed = api.post("/v1/cases/ledger/analysis");
  INFO(analyzed.body);
  REQUIRE(analyzed.status == 200);
  CHECK(api.json("/v1/cases/ledger/analysis")["evidence"]["exception"].dump().find("RuntimeError") !=
        std::string::npos);
  CHECK_FALSE(api.json("/v1/cases")["cases"][0].contains("evidence"));
  CHECK(api.json("/v1/cases/ledger").contains("evidence"));

  const WireReply ordered = api.post("/v1/cases/ledger/campaigns", R"({"budget":"5m","seed":"18446744073709551615"})");
  INFO(ordered.body);
  REQUIRE(ordered.status == 202);
  const auto campaign = nlohmann::json::parse(ordered.body);
  CHECK(campaign["case_name"] == "ledger");
  CHECK(campaign["seed"] == "18446744073709551615");
  const std::string path = ordered.header("location").value();
  CHECK(path == "/v1/campaigns/" + campaign["id"].get<std::string>());

  CHECK(api.post(path + "/cancel").status == 202);
  const auto finished = api.json(path + "?wait=20s&until=finished");
  CHECK(finished["state"] == "finished");
  CHECK(finished["outcome"] == "cancelled");
  CHECK(code_of(api.post(path + "/cancel", "{}")) == "already_finished");
}

TEST_CASE("what a case must be is told, and nothing is half-registered") {
  ApiUnderTest api;
  const auto refused = [&](const std::string& body) { return api.post("/v1/cases", body); };
  CHECK(refused(R"({"folder":"/etc"})").status == 422);
  CHECK(refused(R"({"folder":"relative"})").status == 422);
  CHECK(refused(R"({"folder":"/a","colour":"red"})").status == 422);
  CHECK(refused("").status == 422);
  CHECK(api.json("/v1/cases")["cases"].empty());
}

TEST_CASE("a case whose script cannot run yet is taken with a note of it") {
  ApiUnderTest api;
  const std::filesystem::path root = api.make_case("ledger");
  std::filesystem::permissions(root / "run_test.sh", std::filesystem::perms::owner_read);
  const std::string order = nlohmann::json{{"folder", root.string()}}.dump();
  const WireReply added = api.post("/v1/cases", order);
  REQUIRE(added.status == 201);
  const std::string note = nlohmann::json::parse(added.body)["note"];
  CHECK(note.find("chmod +x") != std::string::npos);
  std::filesystem::permissions(root / "run_test.sh", std::filesystem::perms::owner_all);
  CHECK(nlohmann::json::parse(api.post("/v1/cases", order).body)["note"].is_null());
}

TEST_CASE("a name is one folder's, however its path is written") {
  ApiUnderTest api;
  const std::filesystem::path root = api.make_case("twin");
  const std::filesystem::path alias = api.folder / "alias";
  std::filesystem::create_directory_symlink(api.settings.case_roots.front(), alias);
  write(api.folder / "others" / "twin" / "logs" / "ci.log", "another failure\n");
  api.on_io([&] {
    api.settings.case_roots.push_back(alias);
    api.settings.case_roots.push_back(api.folder / "others");
  });
  const auto status_of = [&](const std::string& folder) {
    return api.post("/v1/cases", nlohmann::json{{"folder", folder}}.dump()).status;
  };
  CHECK(status_of(root.string()) == 201);
  CHECK(status_of(root.string() + "/") == 200);
  CHECK(status_of((alias / "twin").string()) == 200);
  const std::string other = nlohmann::json{{"folder", (api.folder / "others" / "twin").string()}}.dump();
  CHECK(api.post("/v1/cases", other).status == 409);
  CHECK(code_of(api.post("/v1/cases", other)) == "case_exists");
  CHECK(api.json("/v1/cases")["cases"].size() == 1);
}

TEST_CASE("what is not there is 404, by its own name") {
  ApiUnderTest api;
  CHECK(code_of(api.get("/v1/cases/none")) == "no_such_case");
  CHECK(code_of(api.post("/v1/cases/none/analysis")) == "no_such_case");
  CHECK(code_of(api.post("/v1/cases/none/campaigns")) == "no_such_case");
  CHECK(code_of(api.get("/v1/campaigns/7")) == "no_such_campaign");
  CHECK(code_of(api.get("/v1/campaigns/seven")) == "no_such_campaign");
  CHECK(code_of(api.post("/v1/campaigns/7/cancel")) == "no_such_campaign");
  CHECK(code_of(api.get("/v1/attempts/7")) == "no_such_attempt");
  CHECK(code_of(api.get("/v1/boards/9")) == "no_such_board");
  CHECK(code_of(api.post("/v1/boards/9/resets")) == "no_such_board");
  CHECK(code_of(api.get("/v1/resets/7")) == "no_such_reset");
  api.add_case("gather");
  CHECK(code_of(api.get("/v1/cases/gather/attempts/1")) == "no_such_attempt");
}

TEST_CASE("a case without analysis starts no campaign") {
  ApiUnderTest api;
  api.add_case("gather");
  CHECK(code_of(api.post("/v1/cases/gather/campaigns")) == "refused");
  CHECK(code_of(api.post("/v1/cases/gather/verifications")) == "refused");
  CHECK(api.json("/v1/campaigns")["campaigns"].empty());
}

TEST_CASE("lists are read page by page, each naming the next") {
  ApiUnderTest api;
  const CaseId id = api.add_case("gather");
  for (int i = 0; i < 5; ++i)
    api.add_campaign(id);
  std::vector<std::string> seen;
  std::string target = "/v1/campaigns?limit=2&case=gather";
  while (!target.empty()) {
    const WireReply reply = api.get(target);
    const auto page = nlohmann::json::parse(reply.body);
    for (const auto& row : page["campaigns"])
      seen.push_back(row["id"]);
    target = page["next"].is_null() ? "" : page["next"].get<std::string>();
    CHECK(reply.header("link").value_or("") == (target.empty() ? "" : "<" + target + ">; rel=\"next\""));
  }
  CHECK(seen == std::vector<std::string>{"5", "4", "3", "2", "1"});

  for (const std::string name : {"b", "a.b-c_d"})
    api.add_case(name);
  const auto page = api.json("/v1/cases?limit=1");
  CHECK(page["cases"][0]["name"] == "a.b-c_d");
  CHECK(api.json(page["next"])["cases"][0]["name"] == "b");
}

TEST_CASE("campaigns are filtered by case and state") {
  ApiUnderTest api;
  const CampaignId first = api.add_campaign(api.add_case("gather"));
  api.add_campaign(api.add_case("scatter"));
  api.finish_campaign(first);
  CHECK(api.json("/v1/campaigns?state=finished")["campaigns"].size() == 1);
  CHECK(api.json("/v1/campaigns?case=scatter")["campaigns"][0]["case_name"] == "scatter");
  CHECK(api.json("/v1/cases/gather/campaigns?state=queued")["campaigns"].empty());
  CHECK(api.json("/v1/cases/scatter/campaigns")["campaigns"].size() == 1);
  CHECK(api.json("/v1/campaigns?after=0")["campaigns"].size() == 2);
  for (const std::string query :
       {"after=-1", "state=over", "case=none", "limit=0", "limit=501", "after=x", "colour=red", "limit=1&limit=2"})
    CHECK(code_of(api.get("/v1/campaigns?" + query)) == "bad_query");
}

TEST_CASE("a long poll returns at the change, not before and not much later") {
  ApiUnderTest api;
  const CampaignId id = api.add_campaign(api.add_case("gather"));
  const std::string path = "/v1/campaigns/" + std::to_string(id.value);
  HttpClient any = api.connect();
  any.send("GET " + path + "?wait=20s&after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n");
  HttpClient end = api.connect();
  end.send("GET " + path + "?wait=20s&until=finished HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const EventId event = api.add_event("campaign.state", id);
  const WireReply changed = any.read_reply();
  CHECK(nlohmann::json::parse(changed.body)["state"] == "queued");
  CHECK(changed.header("x-last-event-id") == std::to_string(event.value));
  api.finish_campaign(id);
  CHECK(nlohmann::json::parse(end.read_reply().body)["outcome"] == "not_reproduced");
}

TEST_CASE("a long poll that ends without a change says what is") {
  ApiUnderTest api;
  const CampaignId id = api.add_campaign(api.add_case("gather"));
  const std::string path = "/v1/campaigns/" + std::to_string(id.value);
  CHECK(api.json(path + "?wait=20ms")["state"] == "queued");
  api.add_event("campaign.state", id);
  CHECK(api.json(path + "?wait=20ms&until=finished")["state"] == "queued");
  api.finish_campaign(id);
  CHECK(api.json(path + "?wait=10m")["state"] == "finished");
  CHECK(code_of(api.get(path + "?wait=1d")) == "bad_query");
}

TEST_CASE("a client that leaves its long poll takes nothing with it") {
  ServerLimits limits;
  limits.per_uid = 1;
  ApiUnderTest api{limits};
  const CampaignId id = api.add_campaign(api.add_case("gather"));
  {
    HttpClient client = api.connect();
    client.send("GET /v1/campaigns/" + std::to_string(id.value) + "?wait=10m HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  int status = 503;
  for (int i = 0; i < 10000 && status == 503; ++i)
    status = api.get("/healthz").status;
  CHECK(status == 200);
}

TEST_CASE("failing runs of slices are listed in pages, by attempt and by campaign") {
  ApiUnderTest api;
  const CampaignId campaign = api.add_campaign(api.add_case("gather"));
  const AttemptRow first = api.add_attempt(campaign, 1);
  const AttemptRow second = api.add_attempt(campaign, 2);
  api.change([&](Store& store) {
    for (const AttemptRow* attempt : {&first, &second}) {
      RunFailureRow failure;
      failure.attempt_id = attempt->id;
      failure.run = 7;
      failure.seed = 1ull << 60;
      failure.verdict = Verdict::reproduced;
      failure.places_json = R"([["/opt/tank",64]])";
      store.attempts.add_failures({failure});
    }
  });
  const auto page = api.json("/v1/campaigns/1/failures?limit=1");
  CHECK(page["failures"].size() == 1);
  CHECK(page["failures"][0]["seed"] == "1152921504606846976");
  CHECK(page["failures"][0]["verdict"] == "reproduced");
  CHECK(page["failures"][0]["places"][0][1] == 64);
  CHECK(api.json(page["next"])["failures"][0]["attempt_id"] == "2");
  CHECK(api.json("/v1/attempts/2/failures")["failures"].size() == 1);
  CHECK(api.json("/v1/cases/gather/attempts/1/failures")["failures"][0]["run"] == 7);
  CHECK(api.get("/v1/attempts/2/failures?state=x").status == 400);
  CHECK(api.get("/v1/campaigns/9/failures").status == 404);
}

TEST_CASE("every arm is offered, with the reason where it does not work") {
  ApiUnderTest api;
  const auto arms = api.json("/v1/arms")["arms"];
  CHECK(arms[0]["name"] == "plain");
  CHECK(arms[0]["available"] == true);
  for (const auto& arm : arms) {
    CAPTURE(arm.dump());
    CHECK((arm["available"] == true || arm["why"] != ""));
    CHECK(arm["does"] != "");
  }
  CHECK(api.json("/v1/arms")["checked_at_ms"] == api.json("/v1/arms")["checked_at_ms"]);
}

TEST_CASE("attempts and their signals are found by id, and by case and number") {
  ApiUnderTest api;
  const CampaignId campaign = api.add_campaign(api.add_case("gather"));
  const AttemptRow first = api.add_attempt(campaign, 1);
  api.add_attempt(campaign, 2);
  api.change([&](Store& store) {
    store.attempts.add_signals({{0, first.id, "device_timeout", "device_timeout", 12, "TIMEOUT\x1b[31m", "{}", 5},
                                {0, first.id, "signature", "exception", 40, "RuntimeError", "{}", 6}});
  });
  const auto list = api.json("/v1/campaigns/1/attempts?limit=1");
  REQUIRE(list["attempts"].size() == 1);
  CHECK(list["attempts"][0]["name"] == "gather/1");
  CHECK(api.json(list["next"])["attempts"][0]["name"] == "gather/2");
  CHECK(api.json("/v1/attempts/1") == api.json("/v1/cases/gather/attempts/1"));
  const auto signals = api.json("/v1/cases/gather/attempts/1/signals?limit=1");
  CHECK(signals["signals"][0]["offset"] == 12);
  CHECK(api.json(signals["next"])["signals"][0]["rule"] == "signature");
  CHECK(api.json("/v1/attempts/2/signals")["signals"].empty());
}

TEST_CASE("a reset is begun, can be waited for, and is not begun twice") {
  ApiUnderTest api;
  api.change([](Store& store) { store.boards.save({"0", BoardState::clean, "", std::nullopt, 1}); });
  CHECK(api.json("/v1/boards")["boards"].size() == 1);
  const WireReply begun = api.post("/v1/boards/0/resets");
  REQUIRE(begun.status == 202);
  CHECK(begun.header("location") == "/v1/resets/1");
  CHECK(nlohmann::json::parse(begun.body)["result"].is_null());
  CHECK(code_of(api.post("/v1/boards/0/resets")) == "board_busy");
  HttpClient waiting = api.connect();
  waiting.send("GET /v1/resets/1?wait=20s&until=finished HTTP/1.1\r\nHost: localhost\r\n\r\n");
  api.on_io([&] {
    api.boards->may_end = true;
    api.changes.bump();
  });
  CHECK(nlohmann::json::parse(waiting.read_reply().body)["result"] == "verified");
  CHECK(api.json("/v1/boards/0/resets")["resets"].size() == 1);
  CHECK(api.post("/v1/boards/0/resets").status == 202);
}

TEST_CASE("a campaign waits while its board is reset by hand, and goes on when that is over") {
  ApiUnderTest api;
  api.make_case("ledger");
  api.change([](Store& store) { store.boards.save({"0", BoardState::clean, "", std::nullopt, 1}); });
  std::filesystem::create_directories(api.folder / "dev");
  write(api.folder / "dev" / "0", "");
  api.on_io([&] { api.settings.boards.nodes = api.folder / "dev"; });
  const std::string folder = (api.settings.case_roots.front() / "ledger").string();
  REQUIRE(api.post("/v1/cases", nlohmann::json{{"folder", folder}}.dump()).status == 201);
  REQUIRE(api.post("/v1/cases/ledger/analysis").status == 200);
  REQUIRE(api.post("/v1/boards/0/resets").status == 202);
  const WireReply ordered = api.post("/v1/cases/ledger/campaigns", R"({"boards":["0"]})");
  INFO(ordered.body);
  REQUIRE(ordered.status == 202);
  const std::string path = ordered.header("location").value();
  CHECK(api.json(path + "?wait=50ms&until=finished")["state"] == "queued");
  api.on_io([&] {
    api.boards->may_end = true;
    api.changes.bump();
  });
  CHECK(api.json("/v1/resets/1?wait=20s&until=finished")["result"] == "verified");
  auto now = api.json(path);
  for (int i = 0; i < 1000 && now["state"] == "queued"; ++i)
    now = api.json(path + "?wait=20ms");
  CHECK(now["state"] == "running");
  CHECK(code_of(api.post("/v1/boards/0/resets", R"({"force":true})")) == "board_busy");
}

TEST_CASE("a board that is used is not reset") {
  ApiUnderTest api;
  const CampaignId campaign = api.add_campaign(api.add_case("gather"));
  api.change([=](Store& store) {
    store.boards.save({"0", BoardState::clean, "", campaign, 1});
    store.boards.save({"1", BoardState::clean, "", std::nullopt, 1});
    store.boards.save({"2", BoardState::clean, "", std::nullopt, 1});
    store.boards.save({"host", BoardState::clean, "", std::nullopt, 1});
  });
  CHECK(code_of(api.post("/v1/boards/0/resets", R"({"force":true})")) == "board_busy");
  std::optional<Lease> lease = api.on_io([&] { return api.campaigns->leases().try_lease({"2"}, CampaignId{9}); });
  const WireReply leased = api.post("/v1/boards/2/resets", R"({"force":true})");
  CHECK(code_of(leased) == "board_busy");
  CHECK(leased.body.find("campaign 9") != std::string::npos);
  api.on_io([&] { lease.reset(); });
  CHECK(code_of(api.post("/v1/boards/host/resets")) == "refused");
  api.on_io([&] { api.boards->why_not = Refusal{"board", "is held by pid 7 (python3) of uid 1000", "end it"}; });
  const WireReply held = api.post("/v1/boards/1/resets");
  CHECK(held.status == 409);
  CHECK(held.body.find("pid 7 (python3)") != std::string::npos);
  CHECK(api.post("/v1/boards/1/resets", R"({"force":true})").status == 202);
  CHECK(api.json("/v1/boards/1")["name"] == "1");
}

TEST_CASE("readiness gives a reason for each part") {
  ApiUnderTest api;
  const auto ready = api.json("/readyz");
  CHECK(ready["ready"] == true);
  for (const std::string part : {"database", "disk", "case_roots", "shim"})
    CHECK(ready["checks"][part]["ready"] == true);
  std::filesystem::remove_all(api.settings.case_roots.front());
  const WireReply reply = api.get("/readyz");
  CHECK(reply.status == 503);
  const auto checks = nlohmann::json::parse(reply.body)["checks"];
  CHECK(checks["case_roots"]["ready"] == false);
  CHECK(checks["case_roots"]["reason"].get<std::string>().find("cannot be read") != std::string::npos);
}

TEST_CASE("metrics count requests, campaigns and listeners") {
  ApiUnderTest api;
  const CampaignId id = api.add_campaign(api.add_case("gather"));
  api.add_attempt(id, 1);
  api.get("/v1/cases/gather");
  api.get("/v1/cases/none");
  api.get("/v1/nowhere");
  HttpClient listening = api.connect();
  listening.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  listening.read_head();
  listening.read_chunk();
  const WireReply reply = api.get("/metrics");
  CHECK(reply.header("content-type") == "text/plain; version=0.0.4; charset=utf-8");
  for (const std::string line :
       {"ndreprod_http_requests_total{code=\"200\",route=\"/v1/cases/{case}\"} 1\n",
        "ndreprod_http_requests_total{code=\"404\",route=\"/v1/cases/{case}\"} 1\n",
        "ndreprod_http_requests_total{code=\"404\",route=\"none\"} 1\n", "ndreprod_campaigns{outcome=\"queued\"} 1\n",
        "ndreprod_active_attempts 1\n", "ndreprod_sse_clients 1\n", "# TYPE ndreprod_build_info gauge\n"}) {
    CAPTURE(line, reply.body);
    CHECK(reply.body.find(line) != std::string::npos);
  }
}

}  // namespace
}  // namespace ndr
