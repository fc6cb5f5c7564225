#pragma once
#include <vector>

#include "analyzer/evidence/extract.hpp"

namespace ndr {

/// From what each log says by itself to what they say together, see EvidenceExtractor. `read` is in the order of the
/// files; none at all gives no failure.
Extraction merge_logs(std::vector<Evidence> read);

}  // namespace ndr
