#include "tests/api/api_under_test.hpp"
#include "tests/support/catch.hpp"

namespace ndr {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds patience{60};  // of a test that waits for what must happen

HttpClient listening(const ApiUnderTest& api, const std::string& query, const std::string& header_lines = "") {
  HttpClient client = api.connect();
  client.send("GET /v1/events" + query + " HTTP/1.1\r\nHost: localhost\r\n" + header_lines + "\r\n");
  const WireReply head = client.read_head();
  REQUIRE(head.status == 200);
  return client;
}

/// The values of all lines that begin with `field`.
std::vector<std::string> values_of(const std::string& text, const std::string& field) {
  std::vector<std::string> values;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    if (text.compare(at, field.size(), field) == 0)
      values.push_back(text.substr(at + field.size(), end - at - field.size()));
    at = end == std::string::npos ? text.size() : end + 1;
  }
  return values;
}

TEST_CASE("events are replayed from an id on and then come live, by one path") {
  ApiUnderTest api;
  for (int i = 0; i < 3; ++i)
    api.add_event("test.before");
  HttpClient client = listening(api, "", "Last-Event-ID: 1\r\n");
  std::string text = client.read_chunks_until("id: 3\n");
  api.add_event("test.live");
  text += client.read_chunks_until("id: 4\n");
  CHECK(values_of(text, "id: ") == std::vector<std::string>{"2", "3", "4"});
  CHECK(values_of(text, "event: ") == std::vector<std::string>{"test.before", "test.before", "test.live"});
  const auto data = nlohmann::json::parse(values_of(text, "data: ").back());
  CHECK(data["type"] == "test.live");
  CHECK(data["body"]["text"] == "hello");
}

TEST_CASE("without an id the story begins now") {
  ApiUnderTest api;
  api.add_event("test.before");
  HttpClient client = listening(api, "");
  CHECK(client.read_chunk().starts_with(": "));
  api.add_event("test.live");
  CHECK(values_of(client.read_chunk(), "event: ") == std::vector<std::string>{"test.live"});
}

TEST_CASE("lines of JSON are for jq, and one campaign's events can be had alone") {
  ApiUnderTest api;
  const CampaignId campaign = api.add_campaign(api.add_case("gather"));
  api.add_event("test.other");
  api.add_event("test.mine", campaign);
  HttpClient client = listening(api, "?after=0&campaign=1", "Accept: application/x-ndjson\r\n");
  const std::string first = client.read_chunk();
  api.add_event("test.other");
  api.add_event("test.mine", campaign);
  const std::string second = client.read_chunk();
  CHECK(nlohmann::json::parse(first)["id"] == "2");
  CHECK(nlohmann::json::parse(second)["id"] == "4");
}

TEST_CASE("what is there can be had without following") {
  ApiUnderTest api;
  for (int i = 0; i < 600; ++i)
    api.add_event("test.event");
  const WireReply all = api.get("/v1/events?follow=0");
  CHECK(values_of(all.body, "id: ").size() == 600);
  const WireReply rest = api.get("/v1/events?follow=0&after=590");
  CHECK(values_of(rest.body, "id: ").size() == 10);
  CHECK(rest.header("content-type") == "text/event-stream");
}

TEST_CASE("a quiet stream is kept alive, also while others get events") {
  ServerLimits limits;
  limits.event_ping = std::chrono::milliseconds{30};
  ApiUnderTest api{limits};
  HttpClient client = listening(api, "?campaign=7");
  client.read_chunk();
  api.add_event("test.other");
  CHECK(client.read_chunk() == ": ping\n\n");
  CHECK(client.read_chunk() == ": ping\n\n");
  HttpClient lines = listening(api, "?campaign=7", "Accept: application/x-ndjson\r\n");
  CHECK(lines.read_chunk() == "\n");
}

TEST_CASE("a reader that falls behind gets everything later, in order") {
  ApiUnderTest api;
  HttpClient slow = listening(api, "?after=0");
  constexpr int count = 20000;  // some megabytes: more than the socket holds
  api.change([](Store& store) {
    EventRow row;
    row.type = "test.event";
    row.body = R"({"text":")" + std::string(200, 'x') + R"("})";
    for (int i = 0; i < count; ++i)
      store.events.append(row);
  });
  CHECK(api.get("/healthz").status == 200);
  int last = 0;
  for (const auto limit = Clock::now() + patience; last < count;) {
    REQUIRE(Clock::now() < limit);
    for (const std::string& id : values_of(slow.read_chunk(), "id: "))  // a chunk holds whole events
      REQUIRE(id == std::to_string(++last));
  }
  CHECK(last == count);
}

TEST_CASE("a reader that takes nothing is closed") {
  ServerLimits limits;
  limits.write = std::chrono::milliseconds{50};
  limits.per_uid = 2;
  ApiUnderTest api{limits};
  HttpClient stuck = listening(api, "?after=0");
  stuck.read_chunk();  // the greeting: from here on it is counted
  CHECK(api.get("/metrics").body.find("ndreprod_sse_clients 1\n") != std::string::npos);
  api.change([](Store& store) {
    EventRow row;
    row.type = "test.event";
    row.body = R"({"text":")" + std::string(200, 'x') + R"("})";
    for (int i = 0; i < 20000; ++i)
      store.events.append(row);
  });
  const auto limit = Clock::now() + patience;
  while (api.get("/metrics").body.find("ndreprod_sse_clients 0\n") == std::string::npos)
    REQUIRE(Clock::now() < limit);
  CHECK(stuck.read_rest().find("id: 20000\n") == std::string::npos);
}

TEST_CASE("nonsense about where to begin is told") {
  ApiUnderTest api;
  for (const std::string query : {"?after=x", "?after=-1", "?campaign=0", "?follow=maybe", "?since=1"})
    CHECK(api.get("/v1/events" + query).status == 400);
  CHECK(api.get("/v1/events?follow=0", "Last-Event-ID: abc\r\n").status == 400);
  CHECK(api.get("/v1/events?follow=0", "Last-Event-ID: 0\r\n").status == 200);
}

}  // namespace
}  // namespace ndr
