#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "analyzer/evidence/extract.hpp"
#include "analyzer/refusal.hpp"
#include "storage/case_folder.hpp"
#include "storage/unique_fd.hpp"

namespace ndr {

/// Feeds the open log `file`, called `name`, to `extractor` as its next file, in blocks of at most 256 KiB, and goes
/// around its holes. The bytes read: 0 of an empty file. Refuses what is no readable text, naming what it is: an
/// archive, UTF-16, binary data, a file that begins with a hole, and what is no regular file (unless it is this
/// process's own standard input, "/dev/stdin", which is read to its end).
Checked<std::uint64_t> read_log_file(const std::string& name, const UniqueFd& file, EvidenceExtractor& extractor);

/// The CI logs of a case together (see ci_logs()), under their names relative to it. Refuses (field: the log) what
/// cannot be read, and where all of them are empty.
Checked<Extraction> read_case_logs(const CaseFolder& folder, const std::vector<std::filesystem::path>& logs);

}  // namespace ndr
