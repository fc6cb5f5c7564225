#include "supervisor/case_generation.hpp"

#include <utility>

#include "storage/log_file.hpp"

namespace ndr {

std::optional<std::filesystem::path> checkout_of(const CaseFolder& folder, const CaseSettings& settings) {
  if (settings.repository.empty()) return std::nullopt;
  return (folder.root() / settings.repository).lexically_normal();
}

Checked<CaseGeneration> generate_case(const CaseFolder& folder, const CaseSettings& settings) {
  const auto logs = ci_logs(folder);
  if (logs.has_error()) return logs.error();
  auto extraction = read_case_logs(folder, *logs);
  if (extraction.has_error()) return extraction.error();
  CaseGeneration generation;
  generation.analysis = analyze_case(std::move(*extraction), checkout_of(folder, settings), true);
  const CaseAnalysis& found = generation.analysis;
  if (!found.repository) {
    if (!found.problems.empty()) return found.problems.front();
    return Refusal{folder.settings().string(), "names no checkout", "write `repository: PATH` into it"};
  }
  const StressSources sources{folder.root().filename().string(),
                              found.extraction.evidence,
                              settings,
                              settings.repository,
                              found.test,
                              found.jobs,
                              found.job_files.paths(),
                              found.not_replicable,
                              found.hypotheses};
  auto plan = plan_stress(sources);
  if (plan.has_error()) return plan.error();
  generation.plan = std::move(*plan);
  generation.writes = plan_writes(folder, stress_files(sources, generation.plan));
  return generation;
}

}  // namespace ndr
