#pragma once
#include <filesystem>

#include "analyzer/evidence/extract.hpp"
#include "analyzer/refusal.hpp"

namespace ndr {

/// Feeds one log to `extractor` as its next file, in blocks of 256 KiB. Refuses what is no readable text, naming what
/// it is: an empty file, an archive, UTF-16, binary data, a file that begins with a hole, and what is no regular file
/// (unless it is this process's own standard input, "/dev/stdin", which is read to its end).
Checked<void> read_log_file(const std::filesystem::path& path, EvidenceExtractor& extractor);

}  // namespace ndr
