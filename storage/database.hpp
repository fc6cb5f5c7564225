#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace SQLite {
class Database;
class Statement;
}  // namespace SQLite

namespace ndr {

/// The disk or SQLite failed; what() holds the SQL and SQLite's text. `full`: no space left.
class DatabaseError : public std::runtime_error {
public:
  DatabaseError(const std::string& what, bool full) : std::runtime_error(what), full(full) {}
  const bool full;
};
/// Another process holds the state folder.
class StateLocked : public std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// The file was written by a newer program.
class SchemaTooNew : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The one connection, with a cache of prepared statements by their SQL text.
class Database {
public:
  explicit Database(const std::filesystem::path& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// The statement of this SQL, reset and without bindings; valid until the next call with the same SQL.
  SQLite::Statement& statement(std::string_view sql);
  std::int64_t last_insert_id() const;
  int changes() const;
  void execute(std::string_view sql);
  bool in_transaction() const;

private:
  struct Cache;
  std::unique_ptr<Cache> cache_;
};

}  // namespace ndr
