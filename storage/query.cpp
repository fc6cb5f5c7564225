#include "storage/query.hpp"

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <sqlite3.h>

#include "analyzer/assert.hpp"
#include "analyzer/utf8.hpp"

namespace ndr {

// A statement left in mid-result would keep its read transaction, and the WAL could not be emptied.
Query::~Query() { statement_.tryReset(); }

bool Query::next() {
  const int code = statement_.tryExecuteStep();
  if (code != SQLITE_ROW && code != SQLITE_DONE) database_.fail(sql_);
  return code == SQLITE_ROW;
}

void Query::run() {
  const bool row = next();
  NDR_ASSERT(!row);
}

void Query::expect_parameters(std::size_t count) const {
  NDR_ASSERT(static_cast<std::size_t>(statement_.getBindParameterCount()) == count);
}

void Query::expect_columns(std::size_t count) const {
  NDR_ASSERT(static_cast<std::size_t>(statement_.getColumnCount()) == count);
}

void Query::bind_null(int position) { statement_.bind(position); }

void Query::bind_integer(int position, std::int64_t value) { statement_.bind(position, value); }

void Query::bind(int position, std::string_view text) {
  try {
    statement_.bind(position, to_utf8(text));
  } catch (const SQLite::Exception&) {  // longer than SQLite takes (1 GB), or out of memory
    database_.fail(sql_);
  }
}

bool Query::is_null(int column) const { return statement_.isColumnNull(column); }

std::int64_t Query::integer(int column) const { return statement_.getColumn(column).getInt64(); }

std::string Query::text(int column) const { return statement_.getColumn(column).getString(); }

void Query::unknown_word(const std::string& word) const {
  throw DatabaseError{sql_ + ": unknown word \"" + word + "\" in a closed list", false};
}

}  // namespace ndr
