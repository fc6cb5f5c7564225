#pragma once
#include <cstdint>
#include <string>

#include "analyzer/evidence/extract.hpp"
#include "analyzer/refusal.hpp"
#include "storage/unique_fd.hpp"

namespace ndr {

/// Feeds the open log `file`, called `name`, to `extractor` as its next file, in blocks of at most 256 KiB, and goes
/// around its holes. The bytes read: 0 of an empty file. Refuses what is no readable text, naming what it is: an
/// archive, UTF-16, binary data, a file that begins with a hole, and what is no regular file (unless it is this
/// process's own standard input, "/dev/stdin", which is read to its end).
Checked<std::uint64_t> read_log_file(const std::string& name, const UniqueFd& file, EvidenceExtractor& extractor);

}  // namespace ndr
