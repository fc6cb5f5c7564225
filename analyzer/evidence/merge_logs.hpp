#pragma once
#include <cstdint>
#include <vector>

#include "analyzer/evidence/extract.hpp"

namespace ndr {

/// What one job says, and in which of the files.
struct JobEvidence {
  std::uint32_t file = 0;
  Evidence evidence;
};

/// From what each job says by itself to what they say together, see EvidenceExtractor. `jobs` are in the order of the
/// files; none at all gives no failure.
Extraction merge_logs(std::vector<JobEvidence> jobs);

}  // namespace ndr
