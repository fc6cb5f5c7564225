#pragma once
#include <filesystem>
#include <iosfwd>
#include <vector>

#include "analyzer/evidence/extract.hpp"
#include "analyzer/refusal.hpp"

namespace ndr {

/// What CI logs (or the CI logs of case folders) say together. Refuses, with the file, what is missing, empty or no
/// text.
Checked<Extraction> read_logs(const std::vector<std::filesystem::path>& paths);

/// `ndreprod analyze [--json] FILE...`: the logs of one failure (or a case folder: its CI logs) to evidence, on `out`
/// as JSON or as a report with file:line per field. Reads in 1 MiB chunks, so a log of any size costs no memory.
/// Returns 0 when it could answer, 2 otherwise; then `err` names the file and the remedy.
int analyze_command(const std::vector<std::filesystem::path>& files, bool json, std::ostream& out, std::ostream& err);

}  // namespace ndr
