#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace ndr {
class Database;

/// One numbered step of the schema: schema/NNN_name.sql, kept for good once it was released.
struct Migration {
  int version = 0;
  std::string name;  // file name
  std::string_view sql;
};

/// The embedded steps, by version from 1 without a gap.
std::vector<Migration> migrations();

/// The version that this program writes.
int newest_schema();

/// Brings the database up to the last of `steps`, each in a transaction of its own with its user_version; a
/// step that fails or leaves a dangling reference leaves nothing behind. Throws DatabaseError naming the
/// step.
void migrate(Database& database, const std::vector<Migration>& steps);

}  // namespace ndr
