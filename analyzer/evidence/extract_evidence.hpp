#pragma once
#include "analyzer/evidence/evidence.hpp"
#include "analyzer/evidence/extract_file.hpp"

namespace ndr {

/// From what one log says to the fields of Evidence (`files` is the caller's).
Evidence evidence_of(const JobOutcome& outcome);

}  // namespace ndr
