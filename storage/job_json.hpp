#pragma once
#include "storage/fact_writer.hpp"

namespace ndr {

/// The facts of one job under workflows/FILE/jobs/ID; conventions: inspection_json.hpp.
void write_job(const JobFacts& job, const FactWriter& put);

}  // namespace ndr
