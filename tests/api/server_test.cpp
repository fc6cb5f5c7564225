#include <poll.h>
#include <sys/socket.h>

#include "storage/database.hpp"
#include "tests/api/api_under_test.hpp"
#include "tests/support/catch.hpp"

namespace ndr {
namespace {

using namespace std::chrono_literals;

/// What the server says to bytes that are no request of ours; the connection is used up.
WireReply answer_to(const ApiUnderTest& api, const std::string& bytes) {
  HttpClient client = api.connect();
  client.send(bytes);
  return client.read_reply();
}

/// Sends a byte every 10 ms until the server says something or closes; how many it took, at most `most`.
int drip(HttpClient& client, int most) {
  pollfd heard{client.fd(), POLLIN, 0};
  int sent = 0;
  for (; sent < most && ::poll(&heard, 1, 10) <= 0; ++sent)
    client.send("a");
  return sent;
}

TEST_CASE("the unix socket knows its peer, TCP needs the token") {
  ApiUnderTest api;
  const auto root = api.json("/v1/");
  CHECK(root["name"] == "ndreprod");
  CHECK(root["identity"] == "uid:" + std::to_string(::getuid()));

  CHECK(api.connect_tcp().get("/v1/").status == 401);
  CHECK(api.connect_tcp().get("/v1/", "Authorization: Bearer nonsense\r\n").status == 401);
  const WireReply known = api.connect_tcp().get("/v1/", "Authorization: Bearer " + api.token + "\r\n");
  CHECK(known.status == 200);
  CHECK(nlohmann::json::parse(known.body)["identity"] == "token");
  CHECK(api.connect_tcp().get("/healthz").status == 200);
}

TEST_CASE("a connection serves many requests, also sent at once") {
  ApiUnderTest api;
  HttpClient client = api.connect();
  CHECK(client.get("/healthz").status == 200);
  CHECK(client.get("/v1/nothing").status == 404);
  CHECK(client.get("/healthz").status == 200);
  client.send(
      "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
      "GET /v1/cases HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  CHECK(client.read_reply().body == "{\"alive\":true}\n");
  CHECK(client.read_reply().status == 200);
  CHECK(client.read_reply().status == 200);
  CHECK(client.read_rest().empty());
}

TEST_CASE("HEAD has the head of GET and nothing else") {
  ApiUnderTest api;
  HttpClient client = api.connect();
  const WireReply head = client.request("HEAD", "/v1/");
  CHECK(head.status == 200);
  const WireReply get = client.get("/v1/");
  CHECK(head.header("content-length") == std::to_string(get.body.size()));
}

TEST_CASE("every reply keeps other pages out") {
  ApiUnderTest api;
  for (const std::string target : {"/healthz", "/v1/cases", "/v1/nothing", "/metrics"}) {
    const WireReply reply = api.get(target);
    CHECK(reply.header("content-security-policy")->starts_with("default-src 'none';"));
    CHECK(reply.header("x-content-type-options") == "nosniff");
    CHECK(reply.header("referrer-policy") == "no-referrer");
    CHECK_FALSE(reply.header("access-control-allow-origin"));
  }
}

TEST_CASE("foreign hosts, pages and forms are refused before anything is done") {
  ApiUnderTest api;
  CHECK(answer_to(api, "GET /v1/ HTTP/1.1\r\nHost: evil.example\r\n\r\n").status == 421);
  CHECK(api.get("/v1/", "Origin: http://evil.example\r\n").status == 403);
  CHECK(api.get("/v1/", "Sec-Fetch-Site: cross-site\r\n").status == 403);
  const WireReply form = answer_to(api,
                                   "POST /v1/cases HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
                                   "Content-Length: 15\r\n\r\n{\"folder\":\"/a\"}");
  CHECK(form.status == 415);
  CHECK(nlohmann::json::parse(form.body)["hint"].get<std::string>().find("--json") != std::string::npos);
  CHECK(form.header("content-type") == "application/problem+json");
}

TEST_CASE("hostile paths are refused before any file is looked at") {
  ApiUnderTest api;
  api.add_case("good");
  const std::string target = GENERATE(
      "/v1/cases/..", "/v1/cases/%2e%2e", "/v1/cases/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/v1/cases/..%2f..",
      "/v1/cases/%252e%252e%252f", "/v1/cases/good%00", "/v1/cases/good%0d%0aSet-Cookie:x", "/v1/cases/./good",
      "//v1/cases", "/v1//cases/good", "/v1/cases/good/", "/v1/cases/good/attempts/../../x", "/etc/passwd",
      "/v1/attempts/..%5c..%5cx/log", "/v1/attempts/1%2f../log", "/v1/cases/%ff%fe", "/v1/cases/good/attempts/1e3/log",
      "/v1/cases/good/attempts/99999999999999999999/log", "/v1/cases/good/attempts/-1/log", "/v1/attempts/0/log");
  CAPTURE(target);
  const WireReply reply = api.get(target);
  CHECK((reply.status == 400 || reply.status == 404));
  CHECK(reply.header("content-type") == "application/problem+json");
}

TEST_CASE("a method that a path does not take is told with those it takes") {
  ApiUnderTest api;
  const WireReply reply = api.connect().request("DELETE", "/v1/cases");
  CHECK(reply.status == 405);
  CHECK(reply.header("allow") == "GET, HEAD, POST");
  CHECK(api.connect().request("OPTIONS", "/v1/cases").status == 405);
}

TEST_CASE("heads and bodies above the limits are refused with a reply that arrives") {
  ApiUnderTest api;
  CHECK(answer_to(api, "GET /v1/?" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n").status == 431);
  CHECK(answer_to(api, "GET /v1/ HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(1 << 20, 'a')).status == 431);
  const std::string large(3 << 20, ' ');
  const std::string head =
      "POST /v1/cases HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ";
  CHECK(answer_to(api, head + std::to_string(large.size()) + "\r\n\r\n" + large).status == 413);
  CHECK(answer_to(api, head + std::to_string(1 << 20) + "\r\n\r\n" + std::string(1 << 20, ' ')).status == 400);
}

TEST_CASE("a body nested too deep is refused") {
  ApiUnderTest api;
  const WireReply reply = api.post("/v1/cases", std::string(200000, '['));
  CHECK(reply.status == 400);
  CHECK(code_of(reply) == "bad_json");
  CHECK(api.get("/healthz").status == 200);
}

TEST_CASE("messages that could hide another are refused and the connection ends") {
  ApiUnderTest api;
  const std::string lines = GENERATE(
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
      "Transfer-Encoding: chunked, chunked\r\n", "X: a\r\n b\r\n", "X: a\nY: b\r\n", "Content-Length: 5 5\r\n");
  CAPTURE(lines);
  HttpClient client = api.connect();
  client.send("POST /v1/cases HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" + lines +
              "\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.read_reply().status == 400);
  CHECK(client.read_rest().empty());
}

TEST_CASE("a client that waits for 100 is told to go on") {
  ApiUnderTest api;
  HttpClient client = api.connect();
  client.send(
      "POST /v1/cases HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
      "Content-Length: 2\r\n\r\n");
  CHECK(client.read_head().status == 100);
  client.send("{}");
  CHECK(client.read_reply().status == 422);
}

TEST_CASE("HTTP/1.0 gets a reply that ends with the connection") {
  ApiUnderTest api;
  api.add_event("test.event");
  HttpClient client = api.connect();
  client.send("GET /v1/events?after=0&follow=0 HTTP/1.0\r\nHost: localhost\r\n\r\n");
  const WireReply head = client.read_head();
  CHECK_FALSE(head.header("transfer-encoding"));
  CHECK(client.read_rest().find("event: test.event\n") != std::string::npos);
}

TEST_CASE("a client that is too slow is closed, at each part of a request") {
  // Only the limit in question is short: the others would close a client that is merely not scheduled for a while.
  ServerLimits limits;
  constexpr int drips = 100;  // five of the limits below
  SECTION("before the first byte") {
    limits.first_byte = 50ms;
    const ApiUnderTest api{limits};
    CHECK(api.connect().read_rest().empty());
  }
  SECTION("in the head, though bytes drip") {
    limits.head = 200ms;
    const ApiUnderTest api{limits};
    HttpClient client = api.connect();
    client.send("GET /healthz HTTP/1.1\r\nHost: loc");
    CHECK(drip(client, drips) < drips);
    CHECK(client.read_rest().empty());
  }
  SECTION("in the body, though bytes drip") {
    limits.body = 200ms;
    const ApiUnderTest api{limits};
    HttpClient client = api.connect();
    client.send(
        "POST /v1/cases HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{");
    CHECK(drip(client, drips) < drips);
    CHECK(client.read_rest().empty());
  }
  SECTION("between requests") {
    limits.idle = 50ms;
    const ApiUnderTest api{limits};
    HttpClient client = api.connect();
    CHECK(client.get("/healthz").status == 200);
    CHECK(client.read_rest().empty());
  }
}

TEST_CASE("a caller's connections are bounded, and there is room again when one ends") {
  ServerLimits limits;
  limits.per_uid = 2;
  ApiUnderTest api{limits};
  HttpClient first = api.connect();
  CHECK(first.get("/healthz").status == 200);
  {
    HttpClient second = api.connect();
    CHECK(second.get("/healthz").status == 200);
    HttpClient third = api.connect();
    const WireReply refused = third.read_reply();
    CHECK(refused.status == 503);
    CHECK(refused.header("retry-after") == "5");
  }
  int status = 503;
  for (int i = 0; i < 1000 && status == 503; ++i)
    status = api.get("/healthz").status;
  CHECK(status == 200);
}

TEST_CASE("accepting pauses at the limit and goes on when a connection ends") {
  ServerLimits limits;
  limits.connections = 1;
  ApiUnderTest api{limits};
  auto first = std::make_unique<HttpClient>(api.connect());
  CHECK(first->get("/healthz").status == 200);
  HttpClient second = api.connect();
  second.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(first->get("/v1/").status == 200);
  char byte = 0;
  CHECK(::recv(second.fd(), &byte, 1, MSG_DONTWAIT) < 0);
  first.reset();
  CHECK(second.read_reply().status == 200);
}

TEST_CASE("stop ends connections in every state") {
  ApiUnderTest api;
  HttpClient idle = api.connect();
  CHECK(idle.get("/healthz").status == 200);
  HttpClient half = api.connect();
  half.send("GET /healthz HTTP");
  HttpClient listening = api.connect();
  listening.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(listening.read_head().status == 200);
  const CampaignId campaign = api.add_campaign(api.add_case("gather"));
  HttpClient waiting = api.connect();
  waiting.send("GET /v1/campaigns/" + std::to_string(campaign.value) + "?wait=5m HTTP/1.1\r\nHost: localhost\r\n\r\n");
  api.stop();
  CHECK(idle.read_rest().empty());
  CHECK(half.read_rest().empty());
  listening.read_rest();
  waiting.read_rest();
  CHECK_FALSE(std::filesystem::exists(api.folder / "api.sock"));
}

TEST_CASE("a broken machine is told with an id, a full disk as such") {
  ApiUnderTest api;
  api.change([](Store& store) { store.boards.save({"0", BoardState::clean, "", std::nullopt, 1}); });
  api.on_io([&] { api.boards->before_holders = [] { throw std::runtime_error{"expected by a test"}; }; });
  const WireReply broken = api.post("/v1/boards/0/resets");
  CHECK(broken.status == 500);
  CHECK(code_of(broken) == "internal");
  CHECK(broken.body.find("expected by a test") == std::string::npos);
  api.on_io([&] { api.boards->before_holders = [] { throw DatabaseError{"expected by a test", true}; }; });
  CHECK(api.post("/v1/boards/0/resets").status == 507);
  api.on_io([&] { api.boards->before_holders = [] { throw 7; }; });
  CHECK(api.post("/v1/boards/0/resets").status == 500);
  api.on_io([&] { api.boards->before_holders = nullptr; });
  CHECK(api.post("/v1/boards/0/resets").status == 202);
}

TEST_CASE("a request that is sent again with its key starts nothing twice") {
  ApiUnderTest api;
  api.change([](Store& store) { store.boards.save({"0", BoardState::clean, "", std::nullopt, 1}); });
  const std::string key = "Idempotency-Key: \"4e1c\"\r\n";
  api.on_io([&] { api.boards->before_holders = [] { throw std::runtime_error{"expected by a test"}; }; });
  CHECK(api.post("/v1/boards/0/resets", "{}", key).status == 500);
  api.on_io([&] { api.boards->before_holders = nullptr; });
  const WireReply first = api.post("/v1/boards/0/resets", "{}", key);
  CHECK(first.status == 202);
  const WireReply second = api.post("/v1/boards/0/resets", "{}", key);
  CHECK(second.body == first.body);
  CHECK(second.header("location") == first.header("location"));
  CHECK(code_of(api.post("/v1/boards/0/resets", R"({"force":true})", key)) == "key_reused");
  CHECK(api.json("/v1/boards/0/resets")["resets"].size() == 1);
}

}  // namespace
}  // namespace ndr
