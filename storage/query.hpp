#pragma once
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "storage/database.hpp"
#include "storage/records.hpp"

namespace ndr {

/// One use of a cached statement, in one scope: values for its question marks in their order, then run() or
/// next(). Text is made well-formed UTF-8 on the way in, here and nowhere else. Throws DatabaseError with the
/// SQL.
class Query {
public:
  template <class... Values>
  Query(Database& database, std::string_view sql, const Values&... values)
      : database_(database), sql_(sql), statement_(database.statement(sql)) {
    expect_parameters(sizeof...(values));
    int position = 0;
    (bind(++position, values), ...);
  }
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  /// Steps to the next row; false at the end.
  bool next();
  /// For a statement without rows.
  void run();
  /// All columns of the row, in the order of the SELECT.
  template <class... Members>
  void into(Members&... members) {
    expect_columns(sizeof...(members));
    int column = 0;
    (read(column++, members), ...);
  }

private:
  void expect_parameters(std::size_t count) const;
  void expect_columns(std::size_t count) const;

  void bind_null(int position);
  void bind_integer(int position, std::int64_t value);
  void bind(int position, std::string_view text);
  // uint64_t keeps its bits: a seed above 2^63 is negative in SQL and itself again when read.
  void bind(int position, std::integral auto value) { bind_integer(position, static_cast<std::int64_t>(value)); }
  template <class Tag>
  void bind(int position, RowId<Tag> id) {
    bind_integer(position, id.value);
  }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void bind(int position, Enum value) { bind(position, to_text(value)); }
  template <class Value>
  void bind(int position, const std::optional<Value>& value) {
    value ? bind(position, *value) : bind_null(position);
  }

  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::string text(int column) const;
  [[noreturn]] void unknown_word(const std::string& word) const;

  void read(int column, std::string& member) const { member = text(column); }
  template <std::integral Integer>
  void read(int column, Integer& member) const {
    member = static_cast<Integer>(integer(column));
  }
  template <class Tag>
  void read(int column, RowId<Tag>& member) const {
    member.value = integer(column);
  }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void read(int column, Enum& member) const {
    const std::string word = text(column);
    const auto value = enum_from<Enum>(word);
    value ? void(member = *value) : unknown_word(word);
  }
  template <class Value>
  void read(int column, std::optional<Value>& member) const {
    member.reset();
    if (!is_null(column)) read(column, member.emplace());
  }

  Database& database_;
  std::string sql_;
  SQLite::Statement& statement_;
};

}  // namespace ndr
