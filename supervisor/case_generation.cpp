#include "supervisor/case_generation.hpp"

#include <system_error>
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

Checked<void> name_repository(const CaseFolder& folder, CaseSettings& settings, std::filesystem::path repository) {
  repository = repository.lexically_normal();
  if (!repository.has_filename() && repository.has_relative_path()) repository = repository.parent_path();  // "a/b/"
  const auto known = checkout_of(folder, settings);
  std::error_code error;
  const bool is_there = known && std::filesystem::is_directory(*known, error);
  if (is_there && !std::filesystem::equivalent(*known, repository, error))
    return Refusal{folder.settings().string(), "names another repository: " + settings.repository, "change it there"};
  if (!is_there) settings.repository = repository.string();
  return {};
}

}  // namespace ndr
