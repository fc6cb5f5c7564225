#include <set>

#include "api/problem.hpp"
#include "api/routes.hpp"
#include "tests/api/api_under_test.hpp"
#include "tests/support/catch.hpp"

namespace ndr {
namespace {

using Operations = std::set<std::pair<std::string, std::string>>;

std::string lowered(std::string_view text) {
  std::string result{text};
  for (char& c : result)
    c = static_cast<char>(std::tolower(c));
  return result;
}

TEST_CASE("openapi.json describes the routes there are, and no others") {
  ApiUnderTest api;
  const auto document = api.json("/v1/openapi.json");
  CHECK(document["openapi"] == "3.1.0");
  CHECK(document["info"]["version"] == NDREPRO_VERSION);
  Operations served;
  for (const Route& route : routes())
    CHECK(served.emplace(lowered(to_text(route.method)), route.pattern).second);
  Operations described;
  for (const auto& [path, item] : document["paths"].items())
    for (const auto& [key, operation] : item.items())
      if (key != "parameters") described.emplace(key, path);
  CHECK(described == served);
}

TEST_CASE("openapi.json names the problem codes there are, and no others") {
  ApiUnderTest api;
  const auto document = api.json("/v1/openapi.json");
  std::set<std::string> told;
  for (const ProblemKind& kind : problem_kinds())
    told.emplace(kind.code);
  const std::set<std::string> described = document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
  CHECK(described == told);
}

TEST_CASE("every reference in openapi.json leads somewhere, and operations have names of their own") {
  ApiUnderTest api;
  const auto document = api.json("/v1/openapi.json");
  std::set<std::string> names;
  std::vector<const nlohmann::json*> open{&document};
  while (!open.empty()) {
    const nlohmann::json& value = *open.back();
    open.pop_back();
    if (value.is_object() && value.contains("$ref")) {
      const std::string target = value["$ref"].get<std::string>().substr(1);
      CAPTURE(target);
      CHECK(document.contains(nlohmann::json::json_pointer{target}));
    }
    if (value.is_object() && value.contains("operationId"))
      CHECK(names.insert(value["operationId"].get<std::string>()).second);
    if (value.is_structured())
      for (const auto& child : value)
        open.push_back(&child);
  }
}

/// The members that a schema names, also by those of which it is all.
std::set<std::string> members_of(const nlohmann::json& document, const nlohmann::json& schema) {
  if (schema.contains("$ref"))
    return members_of(document, document[nlohmann::json::json_pointer{schema["$ref"].get<std::string>().substr(1)}]);
  std::set<std::string> members;
  if (schema.contains("properties"))
    for (const auto& [key, value] : schema["properties"].items())
      members.insert(key);
  if (schema.contains("allOf"))
    for (const auto& part : schema["allOf"])
      members.merge(members_of(document, part));
  return members;
}

/// The members of a reply's top level are those that its schema names.
void check_members(const nlohmann::json& document, const std::string& schema, const nlohmann::json& reply) {
  std::set<std::string> told;
  for (const auto& [key, value] : reply.items())
    told.insert(key);
  CAPTURE(schema);
  CHECK(members_of(document, document["components"]["schemas"][schema]) == told);
}

TEST_CASE("replies have the members that openapi.json promises") {
  ApiUnderTest api;
  const auto document = api.json("/v1/openapi.json");
  const CampaignId campaign = api.add_campaign(api.add_case("gather"));
  const AttemptRow attempt = api.add_attempt(campaign, 1);
  api.change([&](Store& store) {
    store.attempts.add_signals({{0, attempt.id, "r", "note", 12, "l", "{}", 5}});
    RunFailureRow failure;
    failure.attempt_id = attempt.id;
    failure.run = 3;
    store.attempts.add_failures({failure});
    store.boards.save({"0", BoardState::clean, "", std::nullopt, 1});
  });
  REQUIRE(api.post("/v1/boards/0/resets").status == 202);
  api.add_event("test.event");
  check_members(document, "CaseSummary", api.json("/v1/cases")["cases"][0]);
  check_members(document, "Case", api.json("/v1/cases/gather"));
  check_members(document, "Campaign", api.json("/v1/campaigns/1"));
  check_members(document, "Attempt", api.json("/v1/attempts/1"));
  check_members(document, "LogSignal", api.json("/v1/attempts/1/signals")["signals"][0]);
  check_members(document, "RunFailure", api.json("/v1/attempts/1/failures")["failures"][0]);
  check_members(document, "RunFailure", api.json("/v1/campaigns/1/failures")["failures"][0]);
  check_members(document, "Arm", api.json("/v1/arms")["arms"][0]);
  check_members(document, "Board", api.json("/v1/boards/0"));
  check_members(document, "Reset", api.json("/v1/resets/1"));
  check_members(document, "Readiness", api.json("/readyz"));
  check_members(document, "Event",
                nlohmann::json::parse(api.get("/v1/events?follow=0", "Accept: application/x-ndjson\r\n").body));
}

TEST_CASE("a new case and its analysis have the members that openapi.json promises") {
  ApiUnderTest api;
  const auto document = api.json("/v1/openapi.json");
  const std::string order = nlohmann::json{{"folder", api.make_case("ledger").string()}}.dump();
  check_members(document, "AddedCase", nlohmann::json::parse(api.post("/v1/cases", order).body));
  const auto analysis = nlohmann::json::parse(api.post("/v1/cases/ledger/analysis").body);
  check_members(document, "Analysis", analysis);
  const auto& evidence = analysis["evidence"];
  check_members(document, "Evidence", evidence);
  check_members(document, "StackFrame", evidence["python_stack"].at(0));
  check_members(document, "Origin", evidence["origins"]["exception"]);
  const auto& findings = analysis["findings"];
  check_members(document, "Findings", findings);
  CHECK(findings["checklist"].size() == 9);
  CHECK(findings["hypotheses"].at(0)["reasons"].is_array());
  CHECK(findings["jobs"].empty());  // the case names no checkout
  CHECK(nlohmann::json::parse(api.get("/v1/cases/ledger/analysis").body) == analysis);
  CHECK(evidence["files"].at(evidence["origins"]["exception"]["file"].get<std::size_t>()) == "logs/ci.log");
}

}  // namespace
}  // namespace ndr
