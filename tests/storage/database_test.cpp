#include "storage/database.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "storage/query.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/dying_child.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;
namespace fs = std::filesystem;

namespace {

std::string answer(Database& database, const std::string& sql) {
  Query query{database, sql};
  std::string text;
  if (query.next()) query.into(text);
  return text;
}

unsigned mode_of(const fs::path& file) {
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

std::string bytes_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

// Runs SQL as any other program with SQLite would.
void run_elsewhere(sqlite3* connection, const char* sql) {
  REQUIRE(sqlite3_exec(connection, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
}

std::string failure_text(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the connection is exclusive, in WAL, fully synchronous, with foreign keys") {
  TempFolder folder;
  Database database{folder / "db"};
  CHECK(answer(database, "PRAGMA locking_mode") == "exclusive");
  CHECK(answer(database, "PRAGMA journal_mode") == "wal");
  CHECK(answer(database, "PRAGMA synchronous") == "2");
  CHECK(answer(database, "PRAGMA foreign_keys") == "1");
  CHECK(answer(database, "PRAGMA busy_timeout") == "0");
  database.execute("CREATE TABLE t (a)");
  CHECK(fs::exists(folder / "db-wal"));
  CHECK_FALSE(fs::exists(folder / "db-shm"));
}

TEST_CASE("the state is for this account only") {
  TempFolder folder;
  const fs::path file = folder / "new" / "db";
  Database database{file};
  database.execute("CREATE TABLE t (a)");
  CHECK(mode_of(folder / "new") == 0700);
  CHECK(mode_of(file) == 0600);
  CHECK(mode_of(file.string() + "-wal") == 0600);
  CHECK(mode_of(folder / "new" / "lock") == 0600);
}

TEST_CASE("a file that was open to others is closed to them") {
  TempFolder folder;
  std::ofstream{folder / "db"};
  fs::permissions(folder / "db", fs::perms{0644});
  Database database{folder / "db"};
  CHECK(mode_of(folder / "db") == 0600);
}

TEST_CASE("a symlink in the place of the database or of the lock is refused") {
  TempFolder folder;
  fs::create_symlink(folder / "elsewhere", folder / "db");
  CHECK_THROWS_AS(Database{folder / "db"}, std::system_error);
  fs::create_directory(folder / "second");
  fs::create_symlink(folder / "elsewhere", folder / "second" / "lock");
  CHECK_THROWS_AS(Database{folder / "second" / "db"}, std::system_error);
  CHECK_FALSE(fs::exists(folder / "elsewhere"));
}

TEST_CASE("a second open of one state folder is refused, naming the holder, until the first is gone") {
  TempFolder folder;
  ChildProcess holder{[&](int pipe) {
    const Database database{folder / "db"};
    if (::write(pipe, "x", 1) == 1)
      for (;;)
        ::pause();
  }};
  REQUIRE(holder.read(1) == "x");
  const std::string text = failure_text([&] { Database second{folder / "db"}; });
  CHECK_THAT(text, ContainsSubstring("in use by process " + std::to_string(holder.pid()) + " ("));
  CHECK_THAT(text, ContainsSubstring("state_folder"));
  CHECK_THROWS_AS(Database{folder / "db"}, StateLocked);
  CHECK_THROWS_AS(Database{folder / "another.db"}, StateLocked);  // the folder is what is locked
  holder.kill();
  CHECK_NOTHROW(Database{folder / "db"});
}

TEST_CASE("a second open in one process is refused as well") {
  TempFolder folder;
  const Database first{folder / "db"};
  CHECK_THROWS_AS(Database{folder / "db"}, StateLocked);
}

TEST_CASE("a file that another program has open is refused") {
  TempFolder folder;
  ChildProcess other{[&](int pipe) {
    sqlite3* connection = nullptr;
    sqlite3_open((folder / "db").c_str(), &connection);
    sqlite3_exec(connection, "CREATE TABLE t (a); BEGIN EXCLUSIVE; INSERT INTO t VALUES (1)", nullptr, nullptr,
                 nullptr);
    if (::write(pipe, "x", 1) != 1) ::_exit(1);
  }};
  REQUIRE(other.read(1) == "x");
  CHECK_THROWS_AS(Database{folder / "db"}, StateLocked);
}

TEST_CASE("while it is open no other program can write the file") {
  TempFolder folder;
  Database database{folder / "db"};
  database.execute("CREATE TABLE t (a)");
  ChildProcess other{[&](int pipe) {
    sqlite3* connection = nullptr;
    sqlite3_open((folder / "db").c_str(), &connection);
    const int code = sqlite3_exec(connection, "INSERT INTO t VALUES (1)", nullptr, nullptr, nullptr);
    const char answer_byte = code == SQLITE_BUSY ? 'b' : 'w';
    if (::write(pipe, &answer_byte, 1) != 1) ::_exit(1);
  }};
  CHECK(other.read(1) == "b");
}

TEST_CASE("a newer schema is refused and not a byte of it is written") {
  TempFolder folder;
  sqlite3* newer = nullptr;
  REQUIRE(sqlite3_open((folder / "origin").c_str(), &newer) == SQLITE_OK);
  run_elsewhere(newer, "PRAGMA journal_mode = WAL; CREATE TABLE future (a); PRAGMA user_version = 99");
  for (const char* end : {"", "-wal"})  // copied while open: as after a crash, with the WAL not yet applied
    fs::copy_file(folder.path() / (std::string{"origin"} + end), folder.path() / (std::string{"db"} + end));
  sqlite3_close(newer);
  const std::string before = bytes_of(folder / "db"), wal_before = bytes_of(folder / "db-wal");
  REQUIRE_FALSE(wal_before.empty());

  CHECK_THROWS_AS((Database{folder / "db", 98}), SchemaTooNew);
  CHECK(bytes_of(folder / "db") == before);
  CHECK(bytes_of(folder / "db-wal") == wal_before);
  CHECK_NOTHROW(Database{folder / "db", 99});
}

TEST_CASE("a damaged file is refused at the start") {
  TempFolder folder;
  {
    Database database{folder / "db"};
    database.execute("CREATE TABLE t (a, b); CREATE INDEX i ON t (a)");
    database.execute(
        "WITH n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 2000) "
        "INSERT INTO t SELECT x, x FROM n");
  }
  std::fstream file{folder / "db", std::ios::in | std::ios::out | std::ios::binary};
  file.seekp(4096 * 2);
  file << std::string(4096 * 2, '\x5a');
  file.close();
  CHECK_THROWS_AS(Database{folder / "db"}, DatabaseError);
}

TEST_CASE("a file that is no database is refused and kept") {
  TempFolder folder;
  const std::string text(5000, 'n');
  std::ofstream{folder / "db"} << text;
  CHECK_THAT(failure_text([&] { Database database{folder / "db"}; }), ContainsSubstring("not a database"));
  CHECK(bytes_of(folder / "db") == text);
}

TEST_CASE("one text of SQL is prepared once") {
  TempFolder folder;
  Database database{folder / "db"};
  CHECK(&database.statement("SELECT 1") == &database.statement(std::string{"SELECT 1"}));
  CHECK(&database.statement("SELECT 1") != &database.statement("SELECT 2"));
}

TEST_CASE("an error holds the SQL and SQLite's text") {
  TempFolder folder;
  Database database{folder / "db"};
  CHECK_THAT(failure_text([&] { database.statement("SELECT a FROM nowhere"); }),
             ContainsSubstring("SELECT a FROM nowhere") && ContainsSubstring("no such table: nowhere"));
  CHECK_THAT(failure_text([&] { database.execute("PRAGMA; nonsense"); }), ContainsSubstring("nonsense"));
}

TEST_CASE("no space left is told apart from other errors, and is over when there is space again") {
  TempFolder folder;
  Database database{folder / "db"};
  database.execute("CREATE TABLE t (a TEXT)");
  database.execute("PRAGMA max_page_count = 3");
  const std::string text(20000, 'x');
  bool full = false;
  try {
    Query{database, "INSERT INTO t VALUES (?)", text}.run();
  } catch (const DatabaseError& error) {
    full = error.full;
  }
  CHECK(full);
  database.execute("PRAGMA max_page_count = 1000");
  CHECK_NOTHROW(Query{database, "INSERT INTO t VALUES (?)", text}.run());
}

TEST_CASE("a constraint that fails is not a full disk") {
  TempFolder folder;
  Database database{folder / "db"};
  database.execute("CREATE TABLE t (a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
  try {
    database.execute("INSERT INTO t VALUES (1)");
    FAIL("the row was taken");
  } catch (const DatabaseError& error) {
    CHECK_FALSE(error.full);
  }
}

TEST_CASE("text is made well-formed on its way into SQL") {
  TempFolder folder;
  Database database{folder / "db"};
  Query query{database, "SELECT ?", std::string{"a\xff\0b", 4}};
  std::string text;
  REQUIRE(query.next());
  query.into(text);
  CHECK(text ==
        "a\xef\xbf\xbd\xef\xbf\xbd"
        "b");
}

TEST_CASE("the wrong number of values or of columns is a bug") {
  TempFolder folder;
  Database database{folder / "db"};
  CHECK(signal_ending([&] { Query{database, "SELECT ?"}.next(); }) == SIGABRT);
  CHECK(signal_ending([&] { Query{database, "SELECT 1", 1}.next(); }) == SIGABRT);
  CHECK(signal_ending([&] { Query{database, "SELECT 1"}.run(); }) == SIGABRT);
  int one = 0, two = 0;
  CHECK(signal_ending([&] {
          Query query{database, "SELECT 1"};
          query.next();
          query.into(one, two);
        }) == SIGABRT);
}

TEST_CASE("a word that no enumeration knows is an error of the file") {
  TempFolder folder;
  Database database{folder / "db"};
  Query query{database, "SELECT 'asleep'"};
  REQUIRE(query.next());
  CampaignState state{};
  CHECK_THROWS_AS(query.into(state), DatabaseError);
}

TEST_CASE("a relative file is opened where the process stood then") {
  TempFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  {
    Database database{"db"};
    fs::current_path(before);
    CHECK_NOTHROW(database.execute("CREATE TABLE t (a)"));
  }
  CHECK(fs::exists(folder / "db"));
}
