#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/evidence/formats_command.hpp"
#include "analyzer/job/matrix.hpp"
#include "analyzer/job/source_tree.hpp"

namespace ndr {

/// A text of a workflow. `text` keeps what only a caller or the runner knows as `${{ ... }}`; `with_defaults` has the
/// defaults of inputs in their places, and is the same text where there are none.
struct WorkflowText {
  std::string text;
  std::string with_defaults;
  Origin origin;
};

/// A variable in force for a step, and who set it: workflow, job, container, step, command, `step:NAME` (a step
/// before it, through $GITHUB_ENV), `composite:NAME`, the last two with " (default)" where the value is an input's
/// default.
struct JobVariable {
  WorkflowText value;
  std::string set_by;
};
using JobEnvironment = std::map<std::string, JobVariable>;

/// A test command of a step; `function` is the shell function or script that it was found in.
struct TestCommand {
  ShellCommand command;
  MaybeSourced<std::string> function;
  int loop = 1;  // times that the script runs it
};

/// One step of a job, for one row of its matrix. Steps of a composite action are part of the step that uses it.
struct JobStep {
  std::size_t number = 0;     // in the job's list: the same step in all rows
  Sourced<std::string> name;  // what it is called, else what it uses or runs
  bool has_name = false;      // the workflow gives it a name
  std::string uses;
  std::vector<Sourced<std::string>> script;
  std::map<std::string, Sourced<std::string>> with;
  std::string condition;  // as written; a step whose condition is known to be false is not listed
  std::optional<WorkflowText> minutes;
  std::string shell;
  std::string working_directory;
  JobEnvironment environment;  // all that is in force
  std::vector<TestCommand> tests;
  std::vector<std::string> notes;  // "watcher on", "hang detection off"
  bool only_sets_variables = false;
  bool script_is_of_matrix = false;
};

/// One job of a matrix, as it runs.
struct JobRow {
  MatrixRow matrix;
  std::string name;  // as CI shows it
  WorkflowText runs_on;
  std::optional<WorkflowText> image;
  std::optional<WorkflowText> options;
  std::vector<WorkflowText> volumes;
  std::optional<WorkflowText> working_directory;
  std::optional<WorkflowText> minutes;
  std::vector<JobStep> steps;
  const JobStep* main_step() const;  // the last that runs tests; null where none does
};

/// Another workflow that a job consists of.
struct JobCall {
  Sourced<std::string> workflow;
  std::map<std::string, WorkflowText> with;
};

struct JobFacts {
  std::string workflow;  // path of the file
  std::string id;
  Origin origin;
  std::optional<JobCall> call;
  std::vector<JobRow> rows;
  std::vector<Sourced<std::string>> notes;
};

/// What a caller gives a reusable workflow; nothing: nobody calls, defaults count.
using CallerInputs = std::map<std::string, WorkflowText>;

/// All jobs of one workflow file of the tree, in their order. What cannot be read is a problem in `files`.
std::vector<JobFacts> workflow_jobs(const SourceTree& tree, const std::string& path, FactFiles& files,
                                    const CallerInputs& inputs = {});

}  // namespace ndr
