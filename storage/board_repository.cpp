#include "storage/board_repository.hpp"

#include "analyzer/assert.hpp"
#include "storage/query.hpp"

namespace ndr {
namespace {

const std::string select_boards = "SELECT name, state, reason, leased_by, changed_at_ms FROM boards ";
const std::string select_resets =
    "SELECT id, board, campaign_id, command, devices_before, devices_after, requested_by, created_at_ms, "
    "ended_at_ms, "
    "result, reason, output, exit_code, duration_ms FROM resets ";

BoardRow board_of(Query& query) {
  BoardRow row;
  query.into(row.name, row.state, row.reason, row.leased_by, row.changed_at_ms);
  return row;
}

ResetRow reset_of(Query& query) {
  ResetRow row;
  query.into(row.id, row.board, row.campaign_id, row.command, row.devices_before, row.devices_after, row.requested_by,
             row.created_at_ms, row.ended_at_ms, row.result, row.reason, row.output, row.exit_code, row.duration_ms);
  return row;
}

std::vector<ResetRow> all_resets(Query&& query) {
  std::vector<ResetRow> rows;
  while (query.next())
    rows.push_back(reset_of(query));
  return rows;
}

}  // namespace

void BoardRepository::save(const BoardRow& row) {
  Query{database_,
        "INSERT INTO boards (name, state, reason, leased_by, changed_at_ms) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET state = excluded.state, reason = excluded.reason, "
        "leased_by = excluded.leased_by, changed_at_ms = excluded.changed_at_ms",
        row.name,
        row.state,
        row.reason,
        row.leased_by,
        row.changed_at_ms}
      .run();
}

std::optional<BoardRow> BoardRepository::find(const std::string& name) {
  Query query{database_, select_boards + "WHERE name = ?", name};
  return query.next() ? std::optional{board_of(query)} : std::nullopt;
}

std::vector<BoardRow> BoardRepository::list() {
  Query query{database_, select_boards + "ORDER BY name"};
  std::vector<BoardRow> rows;
  while (query.next())
    rows.push_back(board_of(query));
  return rows;
}

ResetId BoardRepository::begin_reset(const ResetRow& row) {
  Query{database_,
        "INSERT INTO resets (board, campaign_id, command, devices_before, requested_by, created_at_ms) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        row.board,
        row.campaign_id,
        row.command,
        row.devices_before,
        row.requested_by,
        row.created_at_ms}
      .run();
  return {database_.last_insert_id()};
}

void BoardRepository::finish_reset(const ResetRow& row) {
  NDR_ASSERT(row.result.has_value());
  Query{database_,
        "UPDATE resets SET devices_after = ?, ended_at_ms = ?, result = ?, reason = ?, output = ?, exit_code "
        "= ?, "
        "duration_ms = ? WHERE id = ? AND result IS NULL",
        row.devices_after,
        row.ended_at_ms,
        row.result,
        row.reason,
        row.output,
        row.exit_code,
        row.duration_ms,
        row.id}
      .run();
  NDR_ASSERT(database_.changes() == 1);
}

std::optional<ResetRow> BoardRepository::find_reset(ResetId id) {
  Query query{database_, select_resets + "WHERE id = ?", id};
  return query.next() ? std::optional{reset_of(query)} : std::nullopt;
}

std::vector<ResetRow> BoardRepository::unfinished_resets() {
  return all_resets({database_, select_resets + "WHERE result IS NULL ORDER BY id"});
}

std::vector<ResetRow> BoardRepository::resets(const std::string& board, int limit) {
  return all_resets({database_, select_resets + "WHERE board = ? ORDER BY id DESC LIMIT ?", board, limit});
}

int BoardRepository::bad_resets_since(const std::string& board, std::int64_t at_ms) {
  Query query{database_,
              "SELECT count(*) FROM resets WHERE board = ? AND created_at_ms >= ? "
              "AND result IN ('failed', 'unverified')",
              board, at_ms};
  int count = 0;
  if (query.next()) query.into(count);
  return count;
}

}  // namespace ndr
