#include "storage/database.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <functional>
#include <system_error>
#include <unordered_map>

#include "storage/unique_fd.hpp"

namespace ndr {
namespace {

// A file's pages are all read by quick_check: cheap up to here, a slow start above.
constexpr std::uintmax_t quick_check_limit = 64ull << 20;

struct TextHash : std::hash<std::string_view> {
  using is_transparent = void;
};

std::filesystem::path made_folder(const std::filesystem::path& folder) {
  if (std::filesystem::create_directories(folder))
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
  return folder;
}

// Made here and not by SQLite, for the mode; SQLite gives the -wal file the mode of its database.
std::filesystem::path made_file(const std::filesystem::path& file) {
  const UniqueFd fd{::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0 || ((status.st_mode & 0077) != 0 && ::fchmod(fd.get(), 0600) != 0))
    throw std::system_error{errno, std::generic_category(), "open " + file.string()};
  return file;
}

[[noreturn]] void throw_error(std::string_view sql, sqlite3* connection) {
  const int code = sqlite3_errcode(connection);
  const int system = sqlite3_system_errno(connection);
  // SQLite knows a full disk only from ENOSPC on write; a full quota and a full disk at fsync are I/O errors
  // to it.
  const bool full = code == SQLITE_FULL || (code == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT));
  throw DatabaseError{std::string{sql} + ": " + sqlite3_errmsg(connection), full};
}

SQLite::Database opened(const std::filesystem::path& file) {
  try {
    return SQLite::Database{file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE};
  } catch (const SQLite::Exception& error) {
    throw DatabaseError{"open " + file.string() + ": " + error.what(), false};
  }
}

// The first column of the first row. Throws DatabaseError.
std::string ask(SQLite::Database& connection, const std::string& sql) {
  try {
    SQLite::Statement statement{connection, sql};
    return statement.executeStep() ? statement.getColumn(0).getString() : "";
  } catch (const SQLite::Exception&) {
    throw_error(sql, connection.getHandle());
  }
}

void keep_wal_at_close(SQLite::Database& connection, bool keep) {
  sqlite3_db_config(connection.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep ? 1 : 0, nullptr);
}

// A newer program's file is not written at all, not even by the checkpoint of a last close.
void refuse_newer(SQLite::Database& connection, const std::filesystem::path& file, int newest) {
  keep_wal_at_close(connection, true);
  const int version = std::stoi(ask(connection, "PRAGMA user_version"));
  if (version > newest)
    throw SchemaTooNew{file.string() + " has schema " + std::to_string(version) + ", this program knows up to " +
                       std::to_string(newest) + "; install the newer version again"};
  keep_wal_at_close(connection, false);
}

void check_pages(SQLite::Database& connection, const std::filesystem::path& file) {
  if (std::filesystem::file_size(file) > quick_check_limit) return;
  const std::string found = ask(connection, "PRAGMA quick_check(1)");
  if (found != "ok") throw DatabaseError{file.string() + " is damaged: " + found, false};
}

void configure(SQLite::Database& connection, const std::filesystem::path& file, int newest) {
  // Before WAL: so the index of the WAL lives in our memory, no -shm file exists and no second opener can
  // write.
  ask(connection, "PRAGMA locking_mode = EXCLUSIVE");
  refuse_newer(connection, file, newest);
  const std::string mode = ask(connection, "PRAGMA journal_mode = WAL");
  if (mode != "wal") throw DatabaseError{file.string() + ": the file system allows no WAL, only " + mode, false};
  ask(connection, "PRAGMA synchronous = FULL");
  ask(connection, "PRAGMA foreign_keys = ON");
  ask(connection, "PRAGMA trusted_schema = OFF");
  ask(connection, "PRAGMA journal_size_limit = 67108864");
  check_pages(connection, file);
}

}  // namespace

struct Database::Cache {
  explicit Cache(const std::filesystem::path& file)
      : lock(made_folder(file.parent_path())), connection(opened(made_file(file))) {}

  StateLock lock;  // first in, last out
  SQLite::Database connection;
  std::unordered_map<std::string, SQLite::Statement, TextHash, std::equal_to<>> statements;
};

Database::Database(const std::filesystem::path& file, int newest_version)
    : cache_(std::make_unique<Cache>(std::filesystem::absolute(file))) {
  try {
    configure(cache_->connection, std::filesystem::absolute(file), newest_version);
  } catch (const DatabaseError& error) {
    if (sqlite3_errcode(cache_->connection.getHandle()) != SQLITE_BUSY) throw;
    throw StateLocked{file.string() + " is open in another program (" + error.what() + "); close it there"};
  }
}

Database::~Database() = default;

SQLite::Statement& Database::statement(std::string_view sql) {
  auto found = cache_->statements.find(sql);
  if (found == cache_->statements.end()) {
    try {
      found = cache_->statements.try_emplace(std::string{sql}, cache_->connection, std::string{sql}).first;
    } catch (const SQLite::Exception&) {
      fail(sql);
    }
  }
  found->second.tryReset();
  found->second.clearBindings();
  return found->second;
}

std::int64_t Database::last_insert_id() const { return cache_->connection.getLastInsertRowid(); }

int Database::changes() const { return cache_->connection.getChanges(); }

void Database::execute(std::string_view sql) {
  if (cache_->connection.tryExec(std::string{sql}) != SQLITE_OK) fail(sql);
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(cache_->connection.getHandle()) == 0; }

void Database::fail(std::string_view sql) const { throw_error(sql, cache_->connection.getHandle()); }

}  // namespace ndr
