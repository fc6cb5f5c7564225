#pragma once
#include <optional>
#include <string>
#include <vector>

#include "storage/records.hpp"

namespace ndr {
class Database;

class BoardRepository {
public:
  explicit BoardRepository(Database& database) : database_(database) {}

  void save(const BoardRow& row);  // inserted or replaced
  std::optional<BoardRow> find(const std::string& name);
  std::vector<BoardRow> list();

  ResetId begin_reset(const ResetRow& row);  // the intent
  void finish_reset(const ResetRow& row);    // once
  std::optional<ResetRow> find_reset(ResetId id);
  std::vector<ResetRow> unfinished_resets();
  std::vector<ResetRow> resets(const std::string& board, int limit);  // newest first
  /// Failed or unverified resets of this board since then.
  int bad_resets_since(const std::string& board, std::int64_t at_ms);

private:
  Database& database_;
};

}  // namespace ndr
