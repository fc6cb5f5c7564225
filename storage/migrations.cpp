#include "storage/migrations.hpp"

#include <charconv>
#include <map>

#include "analyzer/assert.hpp"
#include "storage/query.hpp"

namespace ndr {

const std::map<std::string, std::string_view>& schema_files();  // generated from schema/*.sql

namespace {

int leading_number(const std::string& name) {
  int number = 0;
  std::from_chars(name.data(), name.data() + name.size(), number);
  return number;
}

int user_version(Database& database) {
  int version = 0;
  Query query{database, "PRAGMA user_version"};
  if (query.next()) query.into(version);
  return version;
}

void check_references(Database& database) {
  Query query{database, "SELECT count(*) FROM pragma_foreign_key_check"};
  std::int64_t dangling = 0;
  if (query.next()) query.into(dangling);
  if (dangling != 0) throw DatabaseError{std::to_string(dangling) + " rows refer to rows that are gone", false};
}

void apply(Database& database, const Migration& step) {
  database.execute("BEGIN IMMEDIATE");
  try {
    database.execute(step.sql);
    check_references(database);
    database.execute("PRAGMA user_version = " + std::to_string(step.version));
    database.execute("COMMIT");
  } catch (const DatabaseError& error) {
    if (database.in_transaction()) database.execute("ROLLBACK");
    throw DatabaseError{"migration " + step.name + ": " + error.what(), error.full};
  }
}

}  // namespace

std::vector<Migration> migrations() {
  std::vector<Migration> steps;
  for (const auto& [name, sql] : schema_files())
    steps.push_back({leading_number(name), name, sql});
  for (std::size_t i = 0; i < steps.size(); ++i)
    NDR_ASSERT(steps[i].version == static_cast<int>(i) + 1);
  return steps;
}

int newest_schema() { return migrations().back().version; }

void migrate(Database& database, const std::vector<Migration>& steps) {
  const int current = user_version(database);
  // Off while tables may be rebuilt (inside a transaction the switch does nothing); check_references holds
  // instead.
  database.execute("PRAGMA foreign_keys = OFF");
  for (const Migration& step : steps)
    if (step.version > current) apply(database, step);
  database.execute("PRAGMA foreign_keys = ON");
}

}  // namespace ndr
