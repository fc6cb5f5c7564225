#include "storage/store.hpp"

#include "analyzer/assert.hpp"
#include "storage/migrations.hpp"

namespace ndr {
namespace {

// SQLite refuses to change this inside a transaction, so it is set around it. A connection that stays at
// NORMAL would lose intents at a power cut without a word: then rather die.
class NormalSync {
public:
  explicit NormalSync(Database& database) : database_(database) { database_.execute("PRAGMA synchronous = NORMAL"); }
  ~NormalSync() {
    try {
      database_.execute("PRAGMA synchronous = FULL");
    } catch (const DatabaseError&) {
      NDR_NEVER("synchronous is not FULL again");
    }
  }
  NormalSync(const NormalSync&) = delete;
  NormalSync& operator=(const NormalSync&) = delete;

private:
  Database& database_;
};

}  // namespace

Store::Store(const std::filesystem::path& database_file)
    : database(database_file, newest_schema()),
      cases(database),
      campaigns(database),
      attempts(database),
      boards(database),
      events(database) {
  migrate(database, migrations());
}

void Store::transaction(const std::function<void()>& work) {
  NDR_ASSERT(!database.in_transaction());
  database.execute("BEGIN IMMEDIATE");
  try {
    work();
    database.execute("COMMIT");
  } catch (...) {
    // SQLite has rolled back by itself where the disk was full or failed.
    if (database.in_transaction()) database.execute("ROLLBACK");
    throw;
  }
}

void Store::quick_transaction(const std::function<void()>& work) {
  NDR_ASSERT(!database.in_transaction());
  const NormalSync normal{database};
  transaction(work);
}

}  // namespace ndr
