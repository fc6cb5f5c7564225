#pragma once
#include <vector>

#include "storage/records.hpp"

namespace ndr {
class Database;

class EventRepository {
public:
  explicit EventRepository(Database& database) : database_(database) {}

  EventId append(const EventRow& row);
  std::vector<EventRow> after(EventId id, int limit);
  std::vector<EventRow> after(EventId id, CampaignId campaign, int limit);
  EventId last();

private:
  Database& database_;
};

}  // namespace ndr
