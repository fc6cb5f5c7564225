#include "storage/case_repository.hpp"

#include "analyzer/assert.hpp"
#include "storage/query.hpp"

namespace ndr {
namespace {

const std::string select_cases =
    "SELECT id, name, folder, owner, created_at_ms, evidence_json, signature_json, analyzed_at_ms, archived "
    "FROM cases ";

CaseRow case_of(Query& query) {
  CaseRow row;
  query.into(row.id, row.name, row.folder, row.owner, row.created_at_ms, row.evidence_json, row.signature_json,
             row.analyzed_at_ms, row.archived);
  return row;
}

std::optional<CaseRow> first_case(Query&& query) { return query.next() ? std::optional{case_of(query)} : std::nullopt; }

}  // namespace

CaseId CaseRepository::insert(const CaseRow& row) {
  Query{database_,
        "INSERT INTO cases (name, folder, owner, created_at_ms, evidence_json, signature_json, "
        "analyzed_at_ms, archived) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        row.name,
        row.folder,
        row.owner,
        row.created_at_ms,
        row.evidence_json,
        row.signature_json,
        row.analyzed_at_ms,
        row.archived}
      .run();
  return {database_.last_insert_id()};
}

void CaseRepository::move(CaseId id, const std::string& folder) {
  Query{database_, "UPDATE cases SET folder = ? WHERE id = ?", folder, id}.run();
  NDR_ASSERT(database_.changes() == 1);
}

std::optional<CaseRow> CaseRepository::find(const std::string& name) {
  return first_case({database_, select_cases + "WHERE name = ?", name});
}

std::optional<CaseRow> CaseRepository::find(CaseId id) {
  return first_case({database_, select_cases + "WHERE id = ?", id});
}

std::vector<CaseRow> CaseRepository::list(const std::string& after, int limit) {
  Query query{database_, select_cases + "WHERE archived = 0 AND name > ? ORDER BY name LIMIT ?", after, limit};
  std::vector<CaseRow> rows;
  while (query.next())
    rows.push_back(case_of(query));
  return rows;
}

void CaseRepository::save_analysis(CaseId id, const std::string& evidence_json, const std::string& signature_json,
                                   std::int64_t at_ms) {
  Query{database_,     "UPDATE cases SET evidence_json = ?, signature_json = ?, analyzed_at_ms = ? WHERE id = ?",
        evidence_json, signature_json,
        at_ms,         id}
      .run();
  NDR_ASSERT(database_.changes() == 1);
}

void CaseRepository::save_findings(CaseId id, const std::string& findings_json) {
  Query{database_, "INSERT OR REPLACE INTO case_findings (case_id, findings_json) VALUES (?, ?)", id, findings_json}
      .run();
}

std::optional<std::string> CaseRepository::findings(CaseId id) {
  Query query{database_, "SELECT findings_json FROM case_findings WHERE case_id = ?", id};
  std::optional<std::string> findings;
  if (query.next()) query.into(findings);
  return findings;
}

}  // namespace ndr
