#include "storage/evidence_json.hpp"

#include <nlohmann/json.hpp>

#include "analyzer/evidence/extract.hpp"
#include "tests/analyzer/log_fixtures.hpp"
#include "tests/support/catch.hpp"

namespace {

std::string changed(const nlohmann::json& document, const char* pointer, const nlohmann::json& value) {
  nlohmann::json copy = document;
  copy[nlohmann::json::json_pointer{pointer}] = value;
  return copy.dump();
}

ndr::Evidence rich_evidence() {
  for (const LogFixture& fixture : log_fixtures()) {
    if (fixture.name == "fetch_queue_timeout_xdist") return ndr::extract_evidence("a.log", fixture.logs[0].second);
  }
  throw std::runtime_error{"the fixture is gone"};
}

}  // namespace

TEST_CASE("evidence and signature come back from their JSON form") {
  for (const LogFixture& fixture : log_fixtures()) {
    const auto evidence = ndr::extract_evidence(fixture.name, fixture.logs.back().second);
    const std::string text = ndr::to_json_text(evidence);
    const auto back = ndr::evidence_from_json(text);
    INFO(fixture.name << (back.has_error() ? ndr::to_text(back.error()) : ""));
    REQUIRE(back.has_value());
    CHECK(ndr::to_json_text(*back) == text);
    const auto signature = ndr::signature_of(evidence);
    const auto same = ndr::signature_from_json(ndr::to_json_text(signature));
    REQUIRE(same.has_value());
    CHECK(*same == signature);
    CHECK(ndr::signature_of(*back) == signature);
  }
}

TEST_CASE("a conflict comes back too") {
  ndr::Evidence evidence;
  evidence.files = {"a.log"};
  evidence.conflicts.push_back({"board", {"N150", {0, 1, 0}}, {"N300", {0, 2, 9}}});
  const auto back = ndr::evidence_from_json(ndr::to_json_text(evidence));
  REQUIRE(back.has_value());
  CHECK(back->conflicts == evidence.conflicts);
}

TEST_CASE("the form is flat and says where each value was read") {
  const auto json = nlohmann::json::parse(ndr::to_json_text(rich_evidence()));
  for (const char* key : {"is_failure",     "failure_type", "exception",    "error_line",        "throw_location",
                          "test_id",        "test_file",    "test_line",    "command",           "env",
                          "timeouts",       "arch",         "board",        "workflow",          "job",
                          "rank_or_device", "files",        "origins",      "failing_statement", "failed_at",
                          "runner",         "python_stack", "native_stack", "conflicts"}) {
    INFO(key);
    CHECK(json.contains(key));
  }
  for (const char* key : {"exception", "error_line", "command", "env.ARCH_NAME", "timeouts.operation_s", "job"}) {
    INFO(key);
    CHECK(json["origins"][key]["line"].get<int>() > 0);
  }
  CHECK(json["python_stack"].size() == 2);
  CHECK(json["native_stack"].size() == 3);
}

TEST_CASE("what the form does not say is refused by its place") {
  const auto good = nlohmann::json::parse(ndr::to_json_text(rich_evidence()));
  const auto field = [](const std::string& text) {
    const auto read = ndr::evidence_from_json(text);
    return read.has_error() ? read.error().field : std::string{"accepted"};
  };
  CHECK(field(good.dump()) == "accepted");
  CHECK(field(changed(good, "/failure_type", "bad luck")) == "/failure_type");
  CHECK(field(changed(good, "/test_line", "x")) == "/test_line");
  CHECK(field(changed(good, "/env/ARCH_NAME", 1)) == "/env/ARCH_NAME");
  CHECK(field(changed(good, "/timeouts/pytest_s", "x")) == "/timeouts/pytest_s");
  CHECK(field(changed(good, "/python_stack/0/line", -1)) == "/python_stack/0/line");
  CHECK(field(changed(good, "/python_stack/0", 1)) == "/python_stack/0");
  CHECK(field(changed(good, "/python_stack", 1)) == "/python_stack");
  CHECK(field(changed(good, "/origins/exception/line", "x")) == "/origins/exception/line");
  CHECK(field(changed(good, "/origins", 1)) == "/origins");
  CHECK(field(changed(good, "/unknown", 1)) == "/unknown");
  CHECK(field("[]") == "");
  CHECK(field("{") != "accepted");
  CHECK(field("{}") == "/origins");
  nlohmann::json missing = good;
  missing.erase("native_stack");
  CHECK(field(missing.dump()) == "/native_stack");
}

TEST_CASE("a signature that is none is refused by its place") {
  const auto good = nlohmann::json::parse(ndr::to_json_text(ndr::signature_of(rich_evidence())));
  const auto field = [](const std::string& text) {
    const auto read = ndr::signature_from_json(text);
    return read.has_error() ? read.error().field : std::string{"accepted"};
  };
  CHECK(field(good.dump()) == "accepted");
  CHECK(field(changed(good, "/raised_in_test", 1)) == "/raised_in_test");
  CHECK(field(changed(good, "/literals", "x")) == "/literals");
  CHECK(field(changed(good, "/failure_type", 1)) == "/failure_type");
  CHECK(field("7") == "");
  CHECK(field("") != "accepted");
}
