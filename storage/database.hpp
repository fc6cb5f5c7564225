#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "storage/state_lock.hpp"

namespace SQLite {
class Statement;
}  // namespace SQLite

namespace ndr {

/// The disk or SQLite failed; what() holds the SQL and SQLite's text. `full`: no space left.
class DatabaseError : public std::runtime_error {
public:
  DatabaseError(const std::string& what, bool no_space) : std::runtime_error(what), full(no_space) {}
  const bool full;
};
/// The file was written by a newer program.
class SchemaTooNew : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The one connection, with a cache of prepared statements by their SQL text.
class Database {
public:
  /// Takes the state lock of the file's folder (both are made when missing, for this account only), then
  /// opens in WAL with EXCLUSIVE locking, synchronous FULL and foreign keys on. A file whose user_version is
  /// above `newest_version` is left as it is. Throws StateLocked, SchemaTooNew, DatabaseError,
  /// std::system_error.
  explicit Database(const std::filesystem::path& file, int newest_version = std::numeric_limits<int>::max());
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// The statement of this SQL, reset and without bindings; valid until the next call with the same SQL.
  SQLite::Statement& statement(std::string_view sql);
  std::int64_t last_insert_id() const;
  int changes() const;
  /// One or more statements without parameters, prepared anew at each call (a cached PRAGMA may do nothing).
  void execute(std::string_view sql);
  bool in_transaction() const;
  /// Throws DatabaseError with this SQL and the connection's last error.
  [[noreturn]] void fail(std::string_view sql) const;

private:
  struct Cache;
  std::unique_ptr<Cache> cache_;
};

}  // namespace ndr
