#pragma once
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "storage/records.hpp"
#include "supervisor/change_feed.hpp"
#include "supervisor/store_access.hpp"

namespace ndr {

enum class EventFormat { server_sent, lines };

/// The events table from one id on, then live, by one path: it is read again whenever something is newer. So a slow
/// reader keeps nothing in memory, it only reads the table later, and ids resume exactly, over restarts too.
class EventStream {
public:
  struct Wanted {
    EventId after;
    std::optional<CampaignId> campaign;
    EventFormat format = EventFormat::server_sent;
    bool follow = true;  // else it ends with what is there
    std::chrono::milliseconds ping{15000};
  };
  EventStream(StoreAccess& store, ChangeFeed& changes, Wanted wanted);

  /// At most 256 events, or a ping; empty at the end.
  boost::asio::awaitable<std::string> next();

private:
  boost::asio::awaitable<std::string> newer_events();

  StoreAccess* store_;
  ChangeFeed* changes_;
  Wanted wanted_;
  bool greeted_ = false;
};

/// One event in the form of the WHATWG HTML standard, 9.2, or as a line of JSON.
std::string event_text(const EventRow& row, EventFormat format);

}  // namespace ndr
