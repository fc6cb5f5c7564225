#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/job/case_settings.hpp"
#include "analyzer/job/job_facts.hpp"

namespace ndr {

/// What becomes of a variable that CI had.
/// exported: as CI had it · mocked: a path that an empty folder stands in for where this host lacks it · quarantined: a
/// loader, an interpreter or a shell acts on it, so that it needs an approval · secret: its value is not written ·
/// left_out: this host has its own.
enum class VariableFate { exported, mocked, quarantined, secret, left_out };

std::string_view to_text(VariableFate fate);

struct PlannedVariable {
  std::string name;
  std::string value;  // as CI had it; empty of a secret
  VariableFate fate = VariableFate::exported;
  std::string place;   // "file:line" where it was read
  std::string reason;  // of any fate but exported
};

/// Where the variables come from, the surest first: case.yaml, the logs, the job of the checkout.
struct EnvironmentSources {
  const Evidence& evidence;
  const CaseSettings& settings;
  const JobEnvironment* job = nullptr;  // of the step that runs the test; null: unknown
  const std::vector<std::string>& job_files;
  std::string ci_root;  // the checkout in CI, empty: unknown
};

/// Each variable once: limits and hang detection first, then by name. Names that no shell can set are dropped. What
/// `approved` of case.yaml names is exported whatever it is; its `environment` too, in place of CI's values.
std::vector<PlannedVariable> plan_environment(const EnvironmentSources& sources);

/// A list of folders that code is loaded from: PYTHONPATH, LD_LIBRARY_PATH.
bool is_search_path(std::string_view name);

/// Whether a loader, an interpreter, a test framework or a shell would run or load something because of it.
bool acts_on_programs(std::string_view name);

/// Where CI had its checkout, as the variables say: TT_METAL_HOME, GITHUB_WORKSPACE, the first part of PYTHONPATH.
/// Empty where none of them tells.
std::string ci_root_of(const Evidence& evidence);

/// One word of a shell for the value: its parts between colons that lie in CI's checkout lie below `$REPOSITORY`.
std::string shell_value(std::string_view value, std::string_view ci_root);

}  // namespace ndr
