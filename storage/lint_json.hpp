#pragma once
#include <string>
#include <vector>

#include "analyzer/stress/lint.hpp"
#include "storage/analysis_json.hpp"

namespace ndr {

/// {"findings": [{"rule", "severity", "file", "line", "text", "remedy"}], "errors": N, "rules": [...], "skipped":
/// [...]}; `skipped` are programs that are missing here.
std::string lint_json_text(const std::vector<LintFinding>& findings, const std::vector<std::string>& skipped);

/// The analysis as analysis_markdown() has it, behind what is still to be done and the commands for it.
std::string brief_markdown(const AnalysisParts& parts, const std::string& case_name,
                           const std::vector<LintFinding>& findings);

}  // namespace ndr
