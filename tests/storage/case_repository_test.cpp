#include <csignal>

#include "tests/storage/sample_rows.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/dying_child.hpp"

using namespace ndr;

TEST_CASE("a case is found by name and by id") {
  SampleStore sample;
  const auto row = sample.store.cases.find("gather-timeout");
  REQUIRE(row);
  CHECK(row->id == sample.case_id);
  CHECK(row->folder == "/cases/gather-timeout");
  CHECK(row->owner == "uid:1000");
  CHECK_FALSE(row->evidence_json);
  CHECK_FALSE(row->analyzed_at_ms);
  CHECK(sample.store.cases.find(sample.case_id)->name == "gather-timeout");
  CHECK_FALSE(sample.store.cases.find("no-such-case"));
}

TEST_CASE("a name is taken once") {
  SampleStore sample;
  CHECK_THROWS_AS(sample.store.cases.insert({.name = "gather-timeout", .folder = "/b", .owner = "token"}),
                  DatabaseError);
}

TEST_CASE("cases are paged by name, without the archived ones") {
  SampleStore sample;
  auto& cases = sample.store.cases;
  for (const char* name : {"d", "b", "c", "a"})
    cases.insert({.name = name, .folder = "/x", .owner = "token"});
  cases.insert({.name = "bb", .folder = "/x", .owner = "token", .archived = true});
  const auto page = cases.list("", 3);
  REQUIRE(page.size() == 3);
  CHECK(page[2].name == "c");
  const auto rest = cases.list("c", 3);
  REQUIRE(rest.size() == 2);
  CHECK(rest[0].name == "d");
  CHECK(rest[1].name == "gather-timeout");
  CHECK(cases.find("bb")->archived);
}

TEST_CASE("an analysis replaces the one before") {
  SampleStore sample;
  auto& cases = sample.store.cases;
  cases.save_analysis(sample.case_id, "{}", "{}", 1);
  cases.save_analysis(sample.case_id, R"({"type":"hang"})", R"({"exception":"X"})", 2);
  const auto row = *cases.find(sample.case_id);
  CHECK(row.evidence_json == R"({"type":"hang"})");
  CHECK(row.signature_json == R"({"exception":"X"})");
  CHECK(row.analyzed_at_ms == 2);
  CHECK(signal_ending([&] { cases.save_analysis({999}, "", "", 1); }) == SIGABRT);
}

TEST_CASE("what an analysis found is kept by case, the last one only") {
  SampleStore sample;
  CaseRepository& cases = sample.store.cases;
  CHECK_FALSE(cases.findings(sample.case_id));
  cases.save_findings(sample.case_id, R"({"checklist":[]})");
  cases.save_findings(sample.case_id, R"({"checklist":[1]})");
  CHECK(cases.findings(sample.case_id) == R"({"checklist":[1]})");
  CHECK_FALSE(cases.findings({999}));
}
