#pragma once
#include <optional>
#include <string>
#include <vector>

#include "storage/records.hpp"

namespace ndr {
class Database;

class CaseRepository {
public:
  explicit CaseRepository(Database& database) : database_(database) {}

  CaseId insert(const CaseRow& row);  // the name must be free: ask find() first
  void move(CaseId id, const std::string& folder);
  std::optional<CaseRow> find(const std::string& name);
  std::optional<CaseRow> find(CaseId id);
  /// By name, from the one after `after` (empty: the first), archived ones left out.
  std::vector<CaseRow> list(const std::string& after, int limit);
  void save_analysis(CaseId id, const std::string& evidence_json, const std::string& signature_json,
                     std::int64_t at_ms);
  /// What the last analysis found beside the evidence, as JSON; nothing where there was none.
  void save_findings(CaseId id, const std::string& findings_json);
  std::optional<std::string> findings(CaseId id);

private:
  Database& database_;
};

}  // namespace ndr
