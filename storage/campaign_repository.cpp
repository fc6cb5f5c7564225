#include "storage/campaign_repository.hpp"

#include "analyzer/assert.hpp"
#include "storage/query.hpp"

namespace ndr {
namespace {

const std::string select_campaigns =
    "SELECT g.id, g.case_id, c.name, g.host_id, g.state, g.outcome, g.reason, g.mode, g.boards, "
    "g.signature_json, "
    "g.policy_json, g.seed, g.budget_ms, g.spent_ms, g.requested_by, g.report_json, g.created_at_ms, "
    "g.started_at_ms, "
    "g.ended_at_ms, g.cancel_requested FROM campaigns g JOIN cases c ON c.id = g.case_id ";

CampaignRow campaign_of(Query& query) {
  CampaignRow row;
  query.into(row.id, row.case_id, row.case_name, row.host_id, row.state, row.outcome, row.reason, row.mode, row.boards,
             row.signature_json, row.policy_json, row.seed, row.budget_ms, row.spent_ms, row.requested_by,
             row.report_json, row.created_at_ms, row.started_at_ms, row.ended_at_ms, row.cancel_requested);
  return row;
}

std::vector<CampaignRow> all_campaigns(Query&& query) {
  std::vector<CampaignRow> rows;
  while (query.next())
    rows.push_back(campaign_of(query));
  return rows;
}

}  // namespace

HostId CampaignRepository::host(const std::string& name, const std::string& fingerprint) {
  // The update that changes nothing is there for RETURNING, which gives no row where a conflict does nothing.
  Query query{database_,
              "INSERT INTO hosts (name, fingerprint) VALUES (?, ?) "
              "ON CONFLICT (name, fingerprint) DO UPDATE SET name = excluded.name RETURNING id",
              name, fingerprint};
  HostId id;
  NDR_ASSERT(query.next());
  query.into(id);
  query.run();
  return id;
}

CampaignId CampaignRepository::insert(const CampaignRow& row) {
  Query{database_,
        "INSERT INTO campaigns (case_id, host_id, state, outcome, reason, mode, boards, signature_json, "
        "policy_json, "
        "seed, budget_ms, spent_ms, requested_by, report_json, created_at_ms, started_at_ms, ended_at_ms, "
        "cancel_requested) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        row.case_id,
        row.host_id,
        row.state,
        row.outcome,
        row.reason,
        row.mode,
        row.boards,
        row.signature_json,
        row.policy_json,
        row.seed,
        row.budget_ms,
        row.spent_ms,
        row.requested_by,
        row.report_json,
        row.created_at_ms,
        row.started_at_ms,
        row.ended_at_ms,
        row.cancel_requested}
      .run();
  return {database_.last_insert_id()};
}

std::optional<CampaignRow> CampaignRepository::find(CampaignId id) {
  Query query{database_, select_campaigns + "WHERE g.id = ?", id};
  return query.next() ? std::optional{campaign_of(query)} : std::nullopt;
}

std::vector<CampaignRow> CampaignRepository::unfinished() {
  return all_campaigns({database_, select_campaigns + "WHERE g.state IN ('queued', 'running') ORDER BY g.id"});
}

std::vector<CampaignRow> CampaignRepository::list(const Filter& filter) {
  return all_campaigns(
      {database_,
       select_campaigns +
           "WHERE (?1 IS NULL OR g.case_id = ?1) AND (?2 IS NULL OR g.state = ?2) AND (?3 = 0 OR g.id < ?3) "
           "ORDER BY g.id DESC LIMIT ?4",
       filter.case_id, filter.state, filter.before, filter.limit});
}

std::vector<std::pair<std::string, std::int64_t>> CampaignRepository::counts() {
  Query query{database_,
              "SELECT coalesce(outcome, state) AS name, count(*) FROM campaigns GROUP BY name ORDER BY name"};
  std::vector<std::pair<std::string, std::int64_t>> counts;
  while (query.next()) {
    auto& [name, count] = counts.emplace_back();
    query.into(name, count);
  }
  return counts;
}

void CampaignRepository::begin(CampaignId id, const std::string& boards_json, std::int64_t at_ms) {
  Query{database_,
        "UPDATE campaigns SET state = 'running', boards = ?, started_at_ms = ? WHERE id = ? AND state = "
        "'queued'",
        boards_json, at_ms, id}
      .run();
  NDR_ASSERT(database_.changes() == 1);
}

void CampaignRepository::spend(CampaignId id, std::int64_t spent_ms) {
  Query{database_, "UPDATE campaigns SET spent_ms = ? WHERE id = ?", spent_ms, id}.run();
  NDR_ASSERT(database_.changes() == 1);
}

void CampaignRepository::request_cancel(CampaignId id) {
  Query{database_, "UPDATE campaigns SET cancel_requested = 1 WHERE id = ?", id}.run();
  NDR_ASSERT(database_.changes() == 1);
}

void CampaignRepository::finish(CampaignId id, CampaignOutcome outcome, const std::string& reason,
                                const std::string& report_json, std::int64_t at_ms) {
  Query{database_,
        "UPDATE campaigns SET state = 'finished', outcome = ?, reason = ?, report_json = ?, ended_at_ms = ? "
        "WHERE id = ? AND state <> 'finished'",
        outcome,
        reason,
        report_json,
        at_ms,
        id}
      .run();
  NDR_ASSERT(database_.changes() == 1);
}

}  // namespace ndr
