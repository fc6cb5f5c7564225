#include "storage/migrations.hpp"

#include "storage/query.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

std::int64_t number(Database& database, const std::string& sql) {
  Query query{database, sql};
  std::int64_t value = -1;
  if (query.next()) query.into(value);
  return value;
}

std::int64_t table_count(Database& database) {
  return number(database, "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
}

}  // namespace

TEST_CASE("the embedded steps count from 1 and build a schema that refers to nothing missing") {
  const auto steps = migrations();
  REQUIRE_FALSE(steps.empty());
  CHECK(steps.front().name == "001_initial.sql");
  CHECK(newest_schema() == static_cast<int>(steps.size()));
  TempFolder folder;
  Database database{folder / "db"};
  migrate(database, steps);
  CHECK(number(database, "PRAGMA user_version") == newest_schema());
  CHECK(number(database, "SELECT count(*) FROM pragma_foreign_key_check") == 0);
  CHECK(number(database, "PRAGMA foreign_keys") == 1);
}

TEST_CASE("every table of ours is STRICT") {
  TempFolder folder;
  Database database{folder / "db"};
  migrate(database, migrations());
  CHECK(table_count(database) == 10);
  CHECK(number(database,
               "SELECT count(*) FROM pragma_table_list WHERE type = 'table' AND strict = 0 "
               "AND name NOT LIKE 'sqlite_%'") == 0);
}

TEST_CASE("a step is applied once") {
  TempFolder folder;
  std::vector<Migration> steps{{1, "001_a.sql", "CREATE TABLE a (x); INSERT INTO a VALUES (1)"}};
  {
    Database database{folder / "db"};
    migrate(database, steps);
    migrate(database, steps);
  }
  steps.push_back({2, "002_b.sql", "INSERT INTO a VALUES (2)"});
  Database database{folder / "db"};
  migrate(database, steps);
  CHECK(number(database, "SELECT sum(x) FROM a") == 3);
  CHECK(number(database, "PRAGMA user_version") == 2);
}

TEST_CASE("a step that fails leaves nothing of itself, and the steps before it stay") {
  TempFolder folder;
  Database database{folder / "db"};
  const std::vector<Migration> steps{{1, "001_a.sql", "CREATE TABLE a (x)"},
                                     {2, "002_b.sql", "CREATE TABLE b (x); CREATE TABLE a (x)"}};
  CHECK_THROWS_WITH(migrate(database, steps),
                    ContainsSubstring("migration 002_b.sql") && ContainsSubstring("table a already exists"));
  CHECK_FALSE(database.in_transaction());
  CHECK(table_count(database) == 1);
  CHECK(number(database, "PRAGMA user_version") == 1);
}

TEST_CASE("a step that leaves a dangling reference is taken back") {
  TempFolder folder;
  Database database{folder / "db"};
  const std::vector<Migration> steps{
      {1, "001_a.sql",
       "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p INTEGER REFERENCES p (id));"
       "INSERT INTO c VALUES (7)"}};
  CHECK_THROWS_WITH(migrate(database, steps), ContainsSubstring("refer to rows that are gone"));
  CHECK(table_count(database) == 0);
}

TEST_CASE("campaigns and attempts of before there were verifications are kept, with what refers to them") {
  TempFolder folder;
  Database database{folder / "db"};
  std::vector<Migration> before = migrations();
  before.resize(3);
  migrate(database, before);
  database.execute(
      "INSERT INTO hosts VALUES (1, 'h', '{}'); INSERT INTO cases VALUES (1, 'c', '/c', 'uid:0', 1, NULL, NULL, NULL, "
      "0);"
      "INSERT INTO campaigns (id, case_id, host_id, state, outcome, mode, boards, signature_json, policy_json, seed,"
      " budget_ms, requested_by, created_at_ms) VALUES (7, 1, 1, 'finished', 'reproduced', 'quick', '[]', '', '', 5, 9,"
      " 'uid:0', 1);"
      "INSERT INTO attempts (id, campaign_id, case_id, host_id, number, phase, arm, parameters, seed, created_at_ms,"
      " slice_json) VALUES (41, 7, 1, 1, 3, 'reduce', 'noise', '{}', 5, 1, '{\"runs\":2}');"
      "INSERT INTO log_signals (attempt_id, rule, signal_class, offset, line, seen_at_ms) VALUES (41, 'r', 'note', 0, "
      "'l',"
      " 1)");
  migrate(database, migrations());
  CHECK(number(database, "SELECT id FROM campaigns WHERE outcome = 'reproduced' AND seed = 5") == 7);
  CHECK(number(database, "SELECT id FROM attempts WHERE slice_json = '{\"runs\":2}' AND campaign_id = 7") == 41);
  CHECK(number(database, "SELECT count(*) FROM pragma_foreign_key_check") == 0);
  CHECK(number(database, "SELECT count(*) FROM pragma_foreign_key_list('log_signals') WHERE \"table\" = 'attempts'") ==
        1);
  database.execute(
      "INSERT INTO attempts (campaign_id, case_id, host_id, number, phase, arm, parameters, seed, created_at_ms)"
      " VALUES (7, 1, 1, 4, 'verify', 'noise', '{}', 5, 1); UPDATE campaigns SET outcome = 'fixed'");
  CHECK(number(database, "SELECT max(id) FROM attempts") == 42);
}
