#include "storage/record_json.hpp"

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "analyzer/utf8.hpp"
#include "storage/strict_json.hpp"

namespace ndr {
namespace {

using Json = nlohmann::ordered_json;  // keys in the order of the members

template <class Tag>
Json json_of(RowId<Tag> id) {
  return std::to_string(id.value);
}
Json json_of(const std::string& text) { return to_utf8(text); }
Json json_of(std::int64_t number) { return number; }

template <class Enum>
requires std::is_enum_v<Enum> Json json_of(Enum value) { return to_text(value); }

template <class Value>
Json json_of(const std::optional<Value>& value) {
  return value ? json_of(*value) : Json{};
}

Json seed_of(std::uint64_t seed) { return std::to_string(seed); }

Json embedded(const std::string& text) {
  if (text.empty()) return nullptr;
  Json value = ordered_json_from(text);
  if (value.is_discarded()) return json_of(text);
  return value;
}
Json embedded(const std::optional<std::string>& text) { return text ? embedded(*text) : Json{}; }
Json embedded_list(const std::string& text) { return text.empty() ? Json::array() : embedded(text); }

// `key` is the name without _ms.
void put_time(Json& object, const std::string& key, std::optional<std::int64_t> at_ms) {
  object[key] = at_ms ? Json(to_rfc3339(*at_ms)) : Json{};
  object[key + "_ms"] = json_of(at_ms);
}

Json json_of(const CaseRow& row) {
  Json object;
  object["id"] = json_of(row.id);
  object["name"] = json_of(row.name);
  object["folder"] = json_of(row.folder);
  object["owner"] = json_of(row.owner);
  put_time(object, "created_at", row.created_at_ms);
  object["evidence"] = embedded(row.evidence_json);
  object["signature"] = embedded(row.signature_json);
  put_time(object, "analyzed_at", row.analyzed_at_ms);
  object["archived"] = row.archived;
  return object;
}

Json json_of(const CampaignRow& row) {
  Json object;
  object["id"] = json_of(row.id);
  object["case_id"] = json_of(row.case_id);
  object["case_name"] = json_of(row.case_name);
  object["host_id"] = json_of(row.host_id);
  object["state"] = json_of(row.state);
  object["outcome"] = json_of(row.outcome);
  object["reason"] = json_of(row.reason);
  object["mode"] = json_of(row.mode);
  object["boards"] = embedded_list(row.boards);
  object["signature"] = embedded(row.signature_json);
  object["policy"] = embedded(row.policy_json);
  object["seed"] = seed_of(row.seed);
  object["budget_ms"] = row.budget_ms;
  object["spent_ms"] = row.spent_ms;
  object["requested_by"] = json_of(row.requested_by);
  object["report"] = embedded(row.report_json);
  put_time(object, "created_at", row.created_at_ms);
  put_time(object, "started_at", row.started_at_ms);
  put_time(object, "ended_at", row.ended_at_ms);
  object["cancel_requested"] = row.cancel_requested;
  return object;
}

// The order: who and what, then the plan; put_outcome adds how it ended.
Json intent_of(const AttemptRow& row) {
  Json object;
  object["id"] = json_of(row.id);
  if (!row.case_name.empty()) object["name"] = json_of(row.case_name + "/" + std::to_string(row.number));
  object["campaign_id"] = json_of(row.campaign_id);
  object["case_id"] = json_of(row.case_id);
  object["case_name"] = json_of(row.case_name);
  object["host_id"] = json_of(row.host_id);
  object["number"] = row.number;
  object["phase"] = json_of(row.phase);
  object["arm"] = json_of(row.arm);
  object["parameters"] = embedded(row.parameters);
  object["seed"] = seed_of(row.seed);
  object["subject"] = json_of(row.subject);
  put_time(object, "created_at", row.created_at_ms);
  put_time(object, "spawned_at", row.spawned_at_ms);
  put_time(object, "ended_at", row.ended_at_ms);
  return object;
}

void put_outcome(Json& object, const AttemptRow& row) {
  object["verdict"] = json_of(row.verdict);
  object["reason"] = json_of(row.reason);
  object["explanation"] = json_of(row.explanation);
  object["match_grade"] = json_of(row.match_grade);
  object["match_reasons"] = embedded_list(row.match_reasons);
  object["failure"] = embedded(row.failure_json);
  object["exit_code"] = json_of(row.exit_code);
  object["term_signal"] = json_of(row.term_signal);
  object["runs"] = row.runs;
  object["matched"] = row.matched;
  object["different"] = row.different;
  object["infrastructure"] = row.infrastructure;
  object["exposure_ms"] = row.exposure_ms;
  object["iterations"] = row.iterations;
  object["log_bytes"] = row.log_bytes;
  object["log_offset"] = row.log_offset;
  object["slice"] = embedded(row.slice_json);
}

Json json_of(const AttemptRow& row) {
  Json object = intent_of(row);
  put_outcome(object, row);
  return object;
}

Json json_of(const LogSignalRow& row) {
  Json object;
  object["id"] = std::to_string(row.id);
  object["attempt_id"] = json_of(row.attempt_id);
  object["rule"] = json_of(row.rule);
  object["signal_class"] = json_of(row.signal_class);
  object["offset"] = row.offset;
  object["line"] = json_of(row.line);
  object["fields"] = embedded(row.fields_json);
  put_time(object, "seen_at", row.seen_at_ms);
  return object;
}

Json json_of(const RunFailureRow& row) {
  Json object;
  object["id"] = std::to_string(row.id);
  object["attempt_id"] = json_of(row.attempt_id);
  object["run"] = row.run;
  object["copy"] = row.copy;
  object["seed"] = seed_of(row.seed);
  object["verdict"] = json_of(row.verdict);
  object["explanation"] = json_of(row.explanation);
  object["match_grade"] = json_of(row.match_grade);
  object["match_reasons"] = embedded_list(row.match_reasons);
  object["failure"] = embedded(row.failure_json);
  object["exit_code"] = json_of(row.exit_code);
  object["term_signal"] = json_of(row.term_signal);
  object["duration_us"] = row.duration_us;
  object["log_offset"] = row.log_offset;
  object["log_bytes"] = row.log_bytes;
  object["places"] = embedded_list(row.places_json);
  return object;
}

Json json_of(const BoardRow& row) {
  Json object;
  object["name"] = json_of(row.name);
  object["state"] = json_of(row.state);
  object["reason"] = json_of(row.reason);
  object["leased_by"] = json_of(row.leased_by);
  put_time(object, "changed_at", row.changed_at_ms);
  return object;
}

Json json_of(const ResetRow& row) {
  Json object;
  object["id"] = json_of(row.id);
  object["board"] = json_of(row.board);
  object["campaign_id"] = json_of(row.campaign_id);
  object["command"] = embedded_list(row.command);
  object["devices_before"] = embedded_list(row.devices_before);
  object["devices_after"] = embedded_list(row.devices_after);
  object["requested_by"] = json_of(row.requested_by);
  put_time(object, "created_at", row.created_at_ms);
  put_time(object, "ended_at", row.ended_at_ms);
  object["result"] = json_of(row.result);
  object["reason"] = json_of(row.reason);
  object["output"] = json_of(row.output);
  object["exit_code"] = json_of(row.exit_code);
  object["duration_ms"] = row.duration_ms;
  return object;
}

Json json_of(const EventRow& row) {
  Json object;
  object["id"] = json_of(row.id);
  put_time(object, "at", row.at_ms);
  object["type"] = json_of(row.type);
  object["campaign_id"] = json_of(row.campaign_id);
  object["attempt_id"] = json_of(row.attempt_id);
  object["subject"] = json_of(row.subject);
  object["body"] = embedded(row.body);
  return object;
}

template <class Row>
std::string array_text(const std::vector<Row>& rows) {
  std::string text = "[";
  for (const Row& row : rows)
    text += (text.size() > 1 ? "," : "") + json_text(json_of(row));
  return text + "]";
}

}  // namespace

std::string to_json_text(const CaseRow& row) { return json_text(json_of(row)); }
std::string to_json_text(const CampaignRow& row) { return json_text(json_of(row)); }
std::string to_json_text(const AttemptRow& row) { return json_text(json_of(row)); }
std::string to_json_text(const LogSignalRow& row) { return json_text(json_of(row)); }
std::string to_json_text(const RunFailureRow& row) { return json_text(json_of(row)); }
std::string to_json_text(const BoardRow& row) { return json_text(json_of(row)); }
std::string to_json_text(const ResetRow& row) { return json_text(json_of(row)); }
std::string to_json_text(const EventRow& row) { return json_text(json_of(row)); }

std::string to_json_text(const std::vector<CaseRow>& rows) { return array_text(rows); }
std::string to_json_text(const std::vector<CampaignRow>& rows) { return array_text(rows); }
std::string to_json_text(const std::vector<AttemptRow>& rows) { return array_text(rows); }
std::string to_json_text(const std::vector<LogSignalRow>& rows) { return array_text(rows); }
std::string to_json_text(const std::vector<RunFailureRow>& rows) { return array_text(rows); }
std::string to_json_text(const std::vector<BoardRow>& rows) { return array_text(rows); }
std::string to_json_text(const std::vector<ResetRow>& rows) { return array_text(rows); }
std::string to_json_text(const std::vector<EventRow>& rows) { return array_text(rows); }

std::string to_rfc3339(std::int64_t at_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> at{milliseconds{at_ms}};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss time{at - day};
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return text;
}

}  // namespace ndr
