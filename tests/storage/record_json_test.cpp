#include "storage/record_json.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "storage/query.hpp"
#include "tests/storage/sample_rows.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;
using Json = nlohmann::json;

namespace {

using Keys = std::set<std::string>;

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// What the table's columns must be called in JSON, and no other key.
Keys keys_due(Database& database, const std::string& table, const Keys& more) {
  Keys keys = more;
  Query query{database, "SELECT name FROM pragma_table_info(?)", table};
  for (std::string column; query.next();) {
    query.into(column);
    if (ends_with(column, "_json")) column.resize(column.size() - 5);
    keys.insert(column);
    if (column == "at_ms" || ends_with(column, "_at_ms")) keys.insert(column.substr(0, column.size() - 3));
  }
  return keys;
}

template <class Row>
Keys keys_of(const Row& row) {
  Keys keys;
  const Json json = Json::parse(to_json_text(row));
  for (const auto& item : json.items())
    keys.insert(item.key());
  return keys;
}

}  // namespace

TEST_CASE("the keys of every record are the columns of its table") {
  SampleStore sample;
  Database& database = sample.store.database;
  CHECK(keys_of(CaseRow{}) == keys_due(database, "cases", {}));
  CHECK(keys_of(CampaignRow{}) == keys_due(database, "campaigns", {"case_name"}));
  CHECK(keys_of(AttemptRow{}) == keys_due(database, "attempts", {"case_name"}));
  CHECK(keys_of(AttemptRow{.case_name = "a"}) == keys_due(database, "attempts", {"case_name", "name"}));
  CHECK(keys_of(LogSignalRow{}) == keys_due(database, "log_signals", {}));
  CHECK(keys_of(BoardRow{}) == keys_due(database, "boards", {}));
  CHECK(keys_of(ResetRow{}) == keys_due(database, "resets", {}));
  CHECK(keys_of(EventRow{}) == keys_due(database, "events", {}));
}

TEST_CASE("an attempt's intent has strings for ids and seed, JSON for parameters and null for what is not yet") {
  SampleStore sample;
  const AttemptId id = sample.store.attempts.begin(sample.intent(3));
  const Json json = Json::parse(to_json_text(*sample.store.attempts.find(id)));
  CHECK(json["id"] == std::to_string(id.value));
  CHECK(json["name"] == "gather-timeout/3");
  CHECK(json["number"] == 3);
  CHECK(json["campaign_id"] == std::to_string(sample.campaign.value));
  CHECK(json["seed"] == "18446744073709551615");
  CHECK(json["parameters"] == Json{{"workers", 4}});
  CHECK(json["phase"] == "screen");
  CHECK(json["created_at"] == "1970-01-01T00:00:01.000Z");
  CHECK(json["created_at_ms"] == 1000);
  CHECK(json["spawned_at"].is_null());
  CHECK(json["spawned_at_ms"].is_null());
  CHECK(json["verdict"].is_null());
  CHECK(json["exit_code"].is_null());
  CHECK(json["failure"].is_null());
  CHECK(json["match_reasons"] == Json::array());
}

TEST_CASE("an attempt without its case's name has no name") {
  CHECK_FALSE(Json::parse(to_json_text(AttemptRow{.number = 1})).contains("name"));
}

TEST_CASE("keys stand in the order of the members") {
  const std::string text = to_json_text(BoardRow{.name = "0", .changed_at_ms = 5});
  CHECK(text == R"({"name":"0","state":"unknown","reason":"","leased_by":null,)"
                R"("changed_at":"1970-01-01T00:00:00.005Z","changed_at_ms":5})");
}

TEST_CASE("a campaign shows its lists, documents and case") {
  SampleStore sample;
  const Json json = Json::parse(to_json_text(*sample.store.campaigns.find(sample.campaign)));
  CHECK(json["case_name"] == "gather-timeout");
  CHECK(json["boards"] == Json::array({"host"}));
  CHECK(json["signature"]["exception"] == "RuntimeError");
  CHECK(json["report"].is_null());
  CHECK(json["outcome"].is_null());
  CHECK(json["state"] == "queued");
  CHECK(json["cancel_requested"] == false);
}

TEST_CASE("an analysed case shows its evidence as JSON") {
  SampleStore sample;
  sample.store.cases.save_analysis(sample.case_id, R"({"failure_type":"hang"})", R"({"frames":[]})", 7);
  const Json json = Json::parse(to_json_text(*sample.store.cases.find(sample.case_id)));
  CHECK(json["evidence"]["failure_type"] == "hang");
  CHECK(json["signature"]["frames"].empty());
  CHECK(json["analyzed_at_ms"] == 7);
}

TEST_CASE("text that is not JSON, or not UTF-8, comes out as a string and never throws") {
  EventRow row{.subject = "bad \xff name", .body = "{not json"};
  Json json = Json::parse(to_json_text(row));
  CHECK(json["body"] == "{not json");
  CHECK(json["subject"] == "bad \xef\xbf\xbd name");
  row.body = "\"\xff\"";
  json = Json::parse(to_json_text(row));
  CHECK(json["body"] == "\"\xef\xbf\xbd\"");
}

TEST_CASE("a list of records is an array of them") {
  CHECK(to_json_text(std::vector<EventRow>{}) == "[]");
  const std::vector<ResetRow> rows{{.board = "0", .result = ResetResult::failed}, {.board = "1"}};
  CHECK(to_json_text(rows) == "[" + to_json_text(rows[0]) + "," + to_json_text(rows[1]) + "]");
  CHECK(Json::parse(to_json_text(std::vector<CaseRow>(2))).size() == 2);
  CHECK(Json::parse(to_json_text(std::vector<CampaignRow>(2))).size() == 2);
  CHECK(Json::parse(to_json_text(std::vector<AttemptRow>(2))).size() == 2);
  CHECK(Json::parse(to_json_text(std::vector<LogSignalRow>(2))).size() == 2);
  CHECK(Json::parse(to_json_text(std::vector<BoardRow>(2))).size() == 2);
}

TEST_CASE("a reset shows its command and devices as lists and its result as a word") {
  const Json json = Json::parse(to_json_text(ResetRow{.board = "0",
                                                      .command = R"(["tt-smi","-r"])",
                                                      .devices_before = R"(["0","1"])",
                                                      .result = ResetResult::unverified,
                                                      .exit_code = 0}));
  CHECK(json["command"] == Json::array({"tt-smi", "-r"}));
  CHECK(json["devices_before"].size() == 2);
  CHECK(json["devices_after"] == Json::array());
  CHECK(json["result"] == "unverified");
  CHECK(json["exit_code"] == 0);
  CHECK(json["campaign_id"].is_null());
}

TEST_CASE("times are RFC 3339 in UTC with milliseconds") {
  CHECK(to_rfc3339(0) == "1970-01-01T00:00:00.000Z");
  CHECK(to_rfc3339(1709210096789) == "2024-02-29T12:34:56.789Z");
  CHECK(to_rfc3339(4102444799999) == "2099-12-31T23:59:59.999Z");
  CHECK(to_rfc3339(-1) == "1969-12-31T23:59:59.999Z");
}
