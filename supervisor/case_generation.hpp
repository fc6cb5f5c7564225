#pragma once
#include <string>
#include <vector>

#include "analyzer/job/case_settings.hpp"
#include "analyzer/refusal.hpp"
#include "analyzer/stress/stress_plan.hpp"
#include "storage/case_folder.hpp"
#include "storage/generated_files.hpp"
#include "supervisor/case_analysis.hpp"

namespace ndr {

/// What is written into a case, and what it was decided from.
struct CaseGeneration {
  CaseAnalysis analysis;
  StressPlan plan;
  std::vector<FileWrite> writes;  // not done yet
};

/// Reads the logs and the checkout of a case and says what its files should be. Writes nothing. Blocks, at most about a
/// minute. Refuses what cannot be read or run, see plan_stress().
Checked<CaseGeneration> generate_case(const CaseFolder& folder, const CaseSettings& settings);

/// The checkout that case.yaml names; a relative path is below the case folder. Nothing where it names none.
std::optional<std::filesystem::path> checkout_of(const CaseFolder& folder, const CaseSettings& settings);

/// Takes the named checkout for the case's. Refuses (field: case.yaml) where the settings name another one that is
/// there.
Checked<void> name_repository(const CaseFolder& folder, CaseSettings& settings, std::filesystem::path repository);

}  // namespace ndr
