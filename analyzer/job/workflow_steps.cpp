#include "analyzer/job/workflow_steps.hpp"

#include <algorithm>
#include <utility>

#include "analyzer/evidence/formats.hpp"
#include "analyzer/evidence/text.hpp"
#include "analyzer/job/test_commands.hpp"

namespace ndr {
namespace {

constexpr int deepest_action = 4;
constexpr std::size_t most_steps = 200;
constexpr std::size_t most_action_calls = 100;    // by one job, within actions too
constexpr std::size_t most_job_variables = 1000;  // of one job
constexpr std::string_view operation_limit = "TT_METAL_OPERATION_TIMEOUT_SECONDS";

// The first line of a block scalar stands below its indicator.
std::uint64_t line_of_text(const YamlNode& node, std::size_t index) {
  return node.line + index + (contains(node.text, "\n") ? 1 : 0);
}

// A script's lines; a line that is nothing but a value of the matrix is where the matrix says it.
std::vector<Sourced<std::string>> script_lines(const YamlNode& run, const WorkflowScope& scope, bool resolve_defaults) {
  std::vector<Sourced<std::string>> lines;
  const auto written = split(run.text, '\n');
  for (std::size_t i = 0; i < written.size(); ++i) {
    const ContextLookup lookup = scope.lookup(resolve_defaults);
    const std::string text = resolve_text(written[i], lookup).text;
    const YamlNode* value = scope.matrix_node(written[i]);
    const auto resolved = split(text, '\n');
    for (std::size_t j = 0; j < resolved.size(); ++j) {
      if (resolved.size() > 1 && j + 1 == resolved.size() && resolved[j].empty()) break;
      const std::uint64_t line = value != nullptr ? line_of_text(*value, j) : line_of_text(run, i);
      lines.push_back(sourced(std::string{resolved[j]}, scope.at(line)));
    }
  }
  while (!lines.empty() && trim(lines.back().value).empty())
    lines.pop_back();
  return lines;
}

std::string first_line(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    if (!trim(line).empty()) return std::string{trim(line)};
  }
  return {};
}

const YamlNode* member(const YamlNode* map, std::string_view key) { return map == nullptr ? nullptr : map->find(key); }

std::string run_default(const YamlNode* defaults, std::string_view key) {
  const YamlNode* run = member(defaults, "run");
  return run == nullptr ? std::string{} : run->text_of(key);
}

std::string action_name(std::string_view uses) { return std::string{file_name(before(uses, "@"))}; }

// The file of a local action; one of another repository may be the checkout's own, named from outside.
std::string action_file(const std::string& uses, const SourceTree& tree) {
  std::string path{before(uses, "@")};
  if (!path.starts_with("./")) {
    const auto inside = path.find("/.github/actions/");
    if (inside == std::string::npos) return {};
    path = path.substr(inside + 1);
  }
  for (const char* name : {"/action.yml", "/action.yaml"}) {
    if (std::string found = tree.find(path + name); !found.empty()) return found;
  }
  return {};
}

bool is_only_settings(const std::vector<Sourced<std::string>>& script) {
  return !script.empty() && std::all_of(script.begin(), script.end(), [](const auto& line) {
    const std::string_view text = trim(line.value);
    return text.empty() || text.starts_with("#") || contains(text, "GITHUB_ENV") || contains(text, "GITHUB_OUTPUT") ||
           contains(text, "GITHUB_PATH") || text == "{" || text.starts_with("echo ");
  });
}

// A step that is nothing but a command which only the matrix of the run knows: the tests, most likely.
std::vector<TestCommand> unknown_command(const std::vector<Sourced<std::string>>& script) {
  if (script.size() != 1 || !is_one_expression(trim(script.front().value))) return {};
  const auto paths = named_paths(script.front().value);
  if (paths.empty() || paths.front().empty() || paths.front().front() != "matrix") return {};
  TestCommand test;
  test.command.text = trim(script.front().value);
  test.command.kind = CommandKind::script;
  test.command.origin = script.front().origin;
  return {std::move(test)};
}

// What a step switches, in words, from what it gives an action.
void add_notes(JobStep& step, const JobEnvironment& before_it, const JobEnvironment& after_it) {
  const auto given = [&](const char* input) {
    const auto found = step.with.find(input);
    return found == step.with.end() ? std::string{} : to_lower(found->second.value);
  };
  const bool watcher = given("enable-watcher") == "true" ||
                       (after_it.count("TT_METAL_WATCHER") > 0 && before_it.count("TT_METAL_WATCHER") == 0);
  if (watcher) step.notes.emplace_back("watcher on");
  const std::string limit = given("hang-detection-timeout");
  if (to_decimal(limit) == 0.0) step.notes.emplace_back("hang detection off");
}

// The set-up action's own default, where the checkout does not hold the action.
constexpr std::string_view unwritten_default = "composite:setup-job (default)";

}  // namespace

void date_defaults(JobFacts& job, std::string_view day) {
  if (day >= "2026-01-21") return;
  for (JobRow& row : job.rows) {
    for (JobStep& step : row.steps) {
      const auto limit = step.environment.find(std::string{operation_limit});
      if (limit == step.environment.end() || limit->second.set_by != unwritten_default) continue;
      limit->second.value.text = limit->second.value.with_defaults = "60.0";
      limit->second.set_by = "composite:setup-job (default until 2026-01-21)";
    }
  }
}

void add_environment(const YamlNode* env, const WorkflowScope& scope, const std::string& set_by, JobEnvironment& into) {
  if (env == nullptr || !env->is_map()) return;
  for (const auto& [name, value] : env->members) {
    if (value.is_map() || value.is_list() || into.size() >= most_job_variables) continue;
    into[name.text] = {scope.text(value), set_by};
    if (into[name.text].value.origin.line == 0) into[name.text].value.origin = scope.at(name.line);
  }
}

std::vector<JobStep> StepSequence::read(const YamlNode& steps, const YamlNode* job_defaults) {
  std::vector<JobStep> result;
  std::size_t number = 0;
  for (const YamlNode& step : steps.items) {
    if (++number > most_steps || !step.is_map()) continue;
    scope_.set_environment(&environment_);
    if (!scope_.may_run(step.text_of("if"))) continue;
    result.push_back(read_step(step, job_defaults));
    result.back().number = number;
  }
  scope_.set_environment(nullptr);
  return result;
}

JobStep StepSequence::read_step(const YamlNode& node, const YamlNode* job_defaults) {
  JobStep step;
  step.condition = node.text_of("if");
  step.uses = node.text_of("uses");
  const YamlNode* name = node.find("name");
  const YamlNode* run = node.find("run");
  step.has_name = name != nullptr && name->is_scalar();
  const std::string title = step.has_name        ? scope_.with_defaults(name->text)
                            : !step.uses.empty() ? step.uses
                            : run != nullptr     ? scope_.with_defaults(first_line(run->text))
                                                 : std::string{};
  step.name = sourced(title, scope_.at(step.has_name ? name->line : node.line));
  if (const YamlNode* minutes = node.find("timeout-minutes")) step.minutes = scope_.text(*minutes);
  if (const YamlNode* with = node.find("with"); with != nullptr && with->is_map()) {
    for (const auto& [key, value] : with->members)
      step.with[key.text] = sourced(scope_.text(value).with_defaults, scope_.at(value.line));
  }
  step.shell = node.text_of("shell").empty() ? run_default(job_defaults, "shell") : node.text_of("shell");
  step.working_directory =
      scope_.with_defaults(node.text_of("working-directory").empty() ? run_default(job_defaults, "working-directory")
                                                                     : node.text_of("working-directory"));
  const JobEnvironment before_it = environment_;
  step.environment = environment_;
  add_environment(node.find("env"), scope_, "step", step.environment);
  if (!step.uses.empty()) run_action(step.uses, scope_, node, step, 0);
  if (run != nullptr && run->is_scalar()) {
    step.script = script_lines(*run, scope_, true);
    step.script_is_of_matrix = scope_.matrix_node(trim(run->text)) != nullptr;
    step.tests = test_commands(step.script, tree_, scope_.files());
    if (step.tests.empty()) step.tests = unknown_command(step.script);
    step.only_sets_variables = is_only_settings(step.script);
    for (const auto& [variable, value] : script_variables(step.script))
      step.environment[variable] = {{value.value, value.value, value.origin}, "script"};
    set_by_script(scope_, *run, "step:" + title);
  }
  add_notes(step, before_it, environment_);
  return step;
}

void StepSequence::set_by_script(const WorkflowScope& scope, const YamlNode& run, const std::string& setter) {
  const auto shown = exported_variables(script_lines(run, scope, false));
  const auto resolved = exported_variables(script_lines(run, scope, true));
  const auto written = split(run.text, '\n');
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const bool aligned = i < resolved.size() && resolved[i].first == shown[i].first;
    const std::string& with_defaults = aligned ? resolved[i].second.value : shown[i].second.value;
    // The line as written tells whether it stands on an input's default.
    const std::size_t index = shown[i].second.origin.line - run.line - (contains(run.text, "\n") ? 1 : 0);
    if (environment_.size() >= most_job_variables && environment_.count(shown[i].first) == 0) continue;
    const bool is_default = index < written.size() && scope.names_default(written[index]);
    environment_[shown[i].first] = {{shown[i].second.value, with_defaults, shown[i].second.origin},
                                    setter + (is_default && setter.starts_with("composite:") ? " (default)" : "")};
  }
}

void StepSequence::run_action(const std::string& uses, WorkflowScope& caller, const YamlNode& step, JobStep& into,
                              int depth) {
  const std::string file = action_file(uses, tree_);
  if (file.empty()) return run_unknown_action(uses, step, into);
  if (action_calls_ >= most_action_calls) {
    const Refusal problem{file, "is called more than " + std::to_string(most_action_calls) + " times by one job",
                          "look at it by hand"};
    auto& problems = caller.files().problems;
    if (action_calls_++ == most_action_calls && std::find(problems.begin(), problems.end(), problem) == problems.end())
      problems.push_back(problem);
    return;
  }
  ++action_calls_;
  const auto action = caller.files().action(tree_, file);
  if (!action) return;
  WorkflowScope inner{file, caller.files(), true};
  inner.declare_inputs(action->find("inputs"));
  if (const YamlNode* with = step.find("with"); with != nullptr && with->is_map()) {
    for (const auto& [name, value] : with->members)
      inner.give_input(name.text, caller.text(value));
  }
  inner.set_environment(&environment_);
  const YamlNode* runs = action->find("runs");
  const YamlNode* steps = runs == nullptr ? nullptr : runs->find("steps");
  if (steps == nullptr || depth >= deepest_action) return;
  const std::string setter = "composite:" + action_name(uses);
  std::size_t number = 0;
  for (const YamlNode& part : steps->items) {
    if (++number > most_steps) return;
    if (part.is_map() && inner.may_run(part.text_of("if"))) run_action_step(inner, setter, part, into, depth);
  }
}

void StepSequence::run_action_step(WorkflowScope& inner, const std::string& setter, const YamlNode& part, JobStep& into,
                                   int depth) {
  if (const std::string uses = part.text_of("uses"); !uses.empty())
    return run_action(uses, inner, part, into, depth + 1);
  const YamlNode* run = part.find("run");
  if (run == nullptr || !run->is_scalar()) return;
  const auto script = script_lines(*run, inner, true);
  for (TestCommand& test : test_commands(script, tree_, inner.files())) {
    if (surely_runs_tests(test)) into.tests.push_back(std::move(test));
  }
  set_by_script(inner, *run, setter);
}

// tt-metal's set-up action, where the checkout does not hold it: its inputs are known, and so is what they set.
void StepSequence::run_unknown_action(const std::string& uses, const YamlNode& step, JobStep& into) {
  if (action_name(uses) != "setup-job") return;
  const YamlNode* with = step.find("with");
  const bool watcher = to_lower(with == nullptr ? "" : with->text_of("enable-watcher")) == "true";
  const YamlNode* limit = member(with, "hang-detection-timeout");
  if (limit == nullptr) limit = member(with, "slow-dispatch-timeout");  // its name before 2026-01-21
  if (watcher) {
    environment_["TT_METAL_WATCHER"] = {{"1", "1", into.name.origin}, "composite:setup-job"};
  } else if (limit == nullptr) {
    environment_[std::string{operation_limit}] = {{"5.0", "5.0", into.name.origin}, std::string{unwritten_default}};
  } else {
    WorkflowText value = scope_.text(*limit);
    if (to_decimal(value.with_defaults) != 0.0)
      environment_[std::string{operation_limit}] = {std::move(value), "composite:setup-job"};
  }
}

}  // namespace ndr
