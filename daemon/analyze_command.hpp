#pragma once
#include <filesystem>
#include <iosfwd>
#include <vector>

#include "analyzer/evidence/extract.hpp"
#include "analyzer/refusal.hpp"
#include "daemon/options.hpp"

namespace ndr {

/// What CI logs (or the CI logs of case folders) say together. Refuses, with the file, what is missing, empty or no
/// text.
Checked<Extraction> read_logs(const std::vector<std::filesystem::path>& paths);

/// `ndreprod analyze [--json|--markdown] FILE...`: the logs of one failure (or a case folder: its CI logs) to evidence
/// and what follows from it, on `out` as JSON, as Markdown, or as a report with file:line per field. Reads in blocks,
/// so a log of any size costs no memory. Returns 0 when it could answer, 2 otherwise; then `err` names the file and the
/// remedy.
int analyze_command(const AnalyzeOptions& options, std::ostream& out, std::ostream& err);

}  // namespace ndr
