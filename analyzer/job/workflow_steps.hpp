#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/job/job_facts.hpp"
#include "analyzer/job/workflow_scope.hpp"

namespace ndr {

/// Reads the steps of one job for one row of its matrix, one after the other: what a step sets for the next ones
/// ($GITHUB_ENV, by itself or by a composite action of the checkout) is in force for them.
class StepSequence {
public:
  /// `environment`: what the workflow, the job and its container set. `tree`, `files` and `scope` outlive the object.
  StepSequence(const SourceTree& tree, WorkflowScope& scope, JobEnvironment environment)
      : tree_(tree), scope_(scope), environment_(std::move(environment)) {}

  std::vector<JobStep> read(const YamlNode& steps, const YamlNode* job_defaults);

private:
  JobStep read_step(const YamlNode& step, const YamlNode* job_defaults);
  void run_action(const std::string& uses, WorkflowScope& caller, const YamlNode& step, JobStep& into, int depth);
  void run_action_step(WorkflowScope& inner, const std::string& setter, const YamlNode& step, JobStep& into, int depth);
  void run_unknown_action(const std::string& uses, const YamlNode& step, JobStep& into);
  void set_by_script(const WorkflowScope& scope, const YamlNode& run, const std::string& setter);

  const SourceTree& tree_;
  WorkflowScope& scope_;
  JobEnvironment environment_;
  std::size_t action_calls_ = 0;
};

/// tt-metal's set-up action limits operations to 5 s where nobody says otherwise; until 2026-01-21 to 60 s. Gives jobs
/// that ran earlier (RFC 3339) the limit of their day, where the checkout does not hold the action.
void date_defaults(JobFacts& job, std::string_view day);

/// An `env:` block: each variable, its expressions resolved in `scope`.
void add_environment(const YamlNode* env, const WorkflowScope& scope, const std::string& set_by, JobEnvironment& into);

}  // namespace ndr
