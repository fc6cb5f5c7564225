#include "storage/event_repository.hpp"

#include "storage/query.hpp"

namespace ndr {
namespace {

const std::string select_events = "SELECT id, at_ms, type, campaign_id, attempt_id, subject, body FROM events ";

std::vector<EventRow> all_events(Query&& query) {
  std::vector<EventRow> rows;
  while (query.next()) {
    EventRow& row = rows.emplace_back();
    query.into(row.id, row.at_ms, row.type, row.campaign_id, row.attempt_id, row.subject, row.body);
  }
  return rows;
}

}  // namespace

EventId EventRepository::append(const EventRow& row) {
  Query{database_,
        "INSERT INTO events (at_ms, type, campaign_id, attempt_id, subject, body) VALUES (?, ?, ?, ?, ?, ?)",
        row.at_ms,
        row.type,
        row.campaign_id,
        row.attempt_id,
        row.subject,
        row.body}
      .run();
  return {database_.last_insert_id()};
}

std::vector<EventRow> EventRepository::after(EventId id, int limit) {
  return all_events({database_, select_events + "WHERE id > ? ORDER BY id LIMIT ?", id, limit});
}

std::vector<EventRow> EventRepository::after(EventId id, CampaignId campaign, int limit) {
  return all_events(
      {database_, select_events + "WHERE campaign_id = ? AND id > ? ORDER BY id LIMIT ?", campaign, id, limit});
}

EventId EventRepository::last() {
  // Not max(id): an id that was given stays given, also when its event is gone.
  Query query{database_, "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)"};
  EventId id;
  if (query.next()) query.into(id);
  return id;
}

}  // namespace ndr
