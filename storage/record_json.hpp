#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "storage/records.hpp"

namespace ndr {

/// The one JSON form of each record, for the API, events and files alike. Keys are the members' names, with
/// these rules: ids and seeds are strings (a reader with doubles would round them) · beside each `x_at_ms`
/// stands `x_at` in RFC 3339 · `x_json` and other members that hold JSON text appear as that value, the
/// former as `x`; empty text is null, or [] where a list is due · an absent optional is null. An attempt
/// whose case name was read has `name`, "CASE/N". Never throws for what a record may hold: text that is not
/// JSON where JSON is due appears as a string.
std::string to_json_text(const CaseRow& row);
std::string to_json_text(const CampaignRow& row);
std::string to_json_text(const AttemptRow& row);
std::string to_json_text(const LogSignalRow& row);
std::string to_json_text(const RunFailureRow& row);
std::string to_json_text(const BoardRow& row);
std::string to_json_text(const ResetRow& row);
std::string to_json_text(const EventRow& row);

/// A JSON array of the above.
std::string to_json_text(const std::vector<CaseRow>& rows);
std::string to_json_text(const std::vector<CampaignRow>& rows);
std::string to_json_text(const std::vector<AttemptRow>& rows);
std::string to_json_text(const std::vector<LogSignalRow>& rows);
std::string to_json_text(const std::vector<RunFailureRow>& rows);
std::string to_json_text(const std::vector<BoardRow>& rows);
std::string to_json_text(const std::vector<ResetRow>& rows);
std::string to_json_text(const std::vector<EventRow>& rows);

/// "2026-01-31T23:59:59.123Z" of milliseconds since the Unix epoch.
std::string to_rfc3339(std::int64_t at_ms);

}  // namespace ndr
