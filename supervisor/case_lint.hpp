#pragma once
#include <string>
#include <vector>

#include "analyzer/job/case_settings.hpp"
#include "analyzer/stress/lint.hpp"
#include "storage/case_folder.hpp"
#include "supervisor/case_analysis.hpp"

namespace ndr {

/// What is wrong with a case's files, and what was compared with them.
struct CaseLint {
  std::vector<LintFinding> findings;
  CaseAnalysis analysis;             // of the logs, as far as they can be read
  std::vector<std::string> skipped;  // checks whose program is missing here
  bool has_errors() const;
};

/// Reads the case's files, whoever wrote them, and its logs; asks bash, Python and shellcheck. Writes nothing. Blocks,
/// at most about two minutes. Refuses (field: the file) what is no regular file of at most a MiB.
Checked<CaseLint> lint_case(const CaseFolder& folder, const CaseSettings& settings);

}  // namespace ndr
