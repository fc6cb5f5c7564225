#include "analyzer/job/job_facts.hpp"

#include <algorithm>

#include "analyzer/evidence/formats.hpp"
#include "analyzer/evidence/text.hpp"
#include "analyzer/job/test_commands.hpp"
#include "analyzer/job/workflow_scope.hpp"
#include "analyzer/job/workflow_steps.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_jobs = 200;

const YamlNode* workflow_call(const YamlNode& workflow, const char* kind) {
  // A bare `on:` is YAML 1.1's word for true to some readers; this one keeps it as text.
  const YamlNode* on = workflow.find("on");
  const YamlNode* call = on == nullptr ? nullptr : on->find(kind);
  return call == nullptr ? nullptr : call->find("inputs");
}

// The job's defaults over the workflow's, key by key.
YamlNode merged_defaults(const YamlNode& workflow, const YamlNode& job) {
  YamlNode merged;
  merged.kind = YamlNode::Kind::map;
  YamlNode run = merged;
  for (const YamlNode* from : {job.find("defaults"), workflow.find("defaults")}) {
    const YamlNode* block = from == nullptr ? nullptr : from->find("run");
    if (block == nullptr) continue;
    for (const auto& [key, value] : block->members) {
      if (run.find(key.text) == nullptr) run.members.push_back({key, value});
    }
  }
  if (!run.members.empty()) merged.members.push_back({text_value("run"), run});
  return merged;
}

void read_container(const YamlNode& job, const WorkflowScope& scope, JobRow& row) {
  const YamlNode* container = job.find("container");
  if (container == nullptr) return;
  if (container->is_scalar()) row.image = scope.text(*container);
  if (const YamlNode* image = container->find("image")) row.image = scope.text(*image);
  if (const YamlNode* options = container->find("options")) row.options = scope.text(*options);
  if (const YamlNode* volumes = container->find("volumes")) {
    for (const YamlNode& volume : volumes->items)
      row.volumes.push_back(scope.text(volume));
  }
}

std::string default_name(const std::string& id, const MatrixRow& row) {
  return row.key.empty() ? id : id + " (" + row.key + ")";
}

class JobReader {
public:
  JobReader(const SourceTree& tree, const YamlNode& workflow, WorkflowScope& scope)
      : tree_(tree), workflow_(workflow), scope_(scope) {}

  JobFacts read(const std::string& id, const YamlNode& job, std::uint64_t line) {
    JobFacts facts;
    facts.workflow = scope_.file();
    facts.id = id;
    facts.origin = scope_.at(line);
    read_call(job, facts);
    const YamlNode* strategy = job.find("strategy");
    const YamlNode* matrix = strategy == nullptr ? nullptr : strategy->find("matrix");
    for (MatrixRow& row : matrix_rows(matrix, scope_.lookup(true)))
      facts.rows.push_back(read_row(id, job, std::move(row)));
    note_unused_commands(facts);
    return facts;
  }

private:
  void read_call(const YamlNode& job, JobFacts& facts) {
    const YamlNode* uses = job.find("uses");
    if (uses == nullptr || !uses->is_scalar()) return;
    JobCall call{sourced(uses->text, scope_.at(uses->line)), {}};
    if (const YamlNode* with = job.find("with"); with != nullptr && with->is_map()) {
      for (const auto& [name, value] : with->members)
        call.with[name.text] = scope_.text(value);
    }
    facts.call = std::move(call);
  }

  JobRow read_row(const std::string& id, const YamlNode& job, MatrixRow matrix) {
    JobRow row;
    row.matrix = std::move(matrix);
    scope_.set_row(&row.matrix);
    const YamlNode* name = job.find("name");
    row.name = name != nullptr ? scope_.with_defaults(name->text) : default_name(id, row.matrix);
    if (const YamlNode* runs_on = job.find("runs-on")) row.runs_on = scope_.list_text(*runs_on);
    if (const YamlNode* minutes = job.find("timeout-minutes")) row.minutes = scope_.text(*minutes);
    read_container(job, scope_, row);
    const YamlNode defaults = merged_defaults(workflow_, job);
    if (const YamlNode* run = defaults.find("run")) {
      if (const YamlNode* folder = run->find("working-directory")) row.working_directory = scope_.text(*folder);
    }
    JobEnvironment environment;
    add_environment(workflow_.find("env"), scope_, "workflow", environment);
    add_environment(job.find("env"), scope_, "job", environment);
    if (const YamlNode* container = job.find("container"))
      add_environment(container->find("env"), scope_, "container", environment);
    if (const YamlNode* steps = job.find("steps")) {
      StepSequence sequence{tree_, scope_, std::move(environment)};
      row.steps = sequence.read(*steps, &defaults);
      keep_sure_tests(row);
      keep_few_variables(row);
    }
    scope_.set_row(nullptr);
    return row;
  }

  // Bounds memory on hostile workflows: variables of every step of every row.
  void keep_few_variables(JobRow& row) {
    constexpr std::size_t most_kept = 200000;
    for (JobStep& step : row.steps) {
      kept_variables_ += step.environment.size();
      if (kept_variables_ > 2 * most_kept || (kept_variables_ > most_kept && step.tests.empty())) {
        kept_variables_ -= step.environment.size();
        step.environment.clear();
      }
    }
  }

  // A plain script is a test where nothing else is one: beside pytest it is a warm-up.
  static void keep_sure_tests(JobRow& row) {
    const auto sure = [](const JobStep& step) {
      return std::any_of(step.tests.begin(), step.tests.end(), surely_runs_tests);
    };
    if (std::none_of(row.steps.begin(), row.steps.end(), sure)) return;
    for (JobStep& step : row.steps) {
      if (!sure(step)) step.tests.clear();
    }
  }

  // A command that the matrix gives and no step runs: whoever looks for it there goes wrong.
  void note_unused_commands(JobFacts& facts) {
    for (const JobRow& row : facts.rows) {
      for (const auto& [name, value] : row_members(row.matrix).members) {
        const bool is_command = name.text == "cmd" || name.text == "command" || name.text == "run";
        if (!is_command || !value.is_scalar() || row.steps.empty()) continue;
        const std::string wanted{trim(value.text)};
        const bool used = std::any_of(row.steps.begin(), row.steps.end(), [&](const JobStep& step) {
          return std::any_of(step.script.begin(), step.script.end(),
                             [&](const auto& line) { return contains(line.value, first_part(wanted)); });
        });
        if (used) continue;
        facts.notes.push_back(sourced("matrix " + name.text + " is never used by any step", scope_.at(value.line)));
        return;
      }
    }
  }
  static std::string first_part(const std::string& text) { return std::string{before(before(text, "\n"), "${{")}; }

  const SourceTree& tree_;
  const YamlNode& workflow_;
  WorkflowScope& scope_;
  std::size_t kept_variables_ = 0;
};

}  // namespace

const JobStep* JobRow::main_step() const {
  const auto found =
      std::find_if(steps.rbegin(), steps.rend(), [](const JobStep& step) { return !step.tests.empty(); });
  return found == steps.rend() ? nullptr : &*found;
}

std::vector<JobFacts> workflow_jobs(const SourceTree& tree, const std::string& path, FactFiles& files,
                                    const CallerInputs& inputs) {
  std::vector<JobFacts> facts;
  const auto text = tree.text(path);
  if (!text) {
    files.problems.push_back({path, "cannot be read", "is it in the checkout, and no larger than a MiB?"});
    return facts;
  }
  const auto workflow = parse_yaml(*text, path);
  if (workflow.has_error()) {
    files.problems.push_back(workflow.error());
    return facts;
  }
  const YamlNode* jobs = workflow->find("jobs");
  if (jobs == nullptr || !jobs->is_map()) {
    files.problems.push_back({path + ":1", "has no jobs", "is it a workflow?"});
    return facts;
  }
  WorkflowScope scope{path, files, false};
  scope.declare_inputs(workflow_call(*workflow, "workflow_call"));
  scope.declare_inputs(workflow_call(*workflow, "workflow_dispatch"));
  for (const auto& [name, value] : inputs)
    scope.give_input(name, value);
  JobReader reader{tree, *workflow, scope};
  for (const auto& [id, job] : jobs->members) {
    if (facts.size() < most_jobs && job.is_map()) facts.push_back(reader.read(id.text, job, id.line));
  }
  return facts;
}

}  // namespace ndr
