#include "analyzer/evidence/extract_evidence.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "analyzer/evidence/formats_command.hpp"
#include "analyzer/evidence/formats_platform.hpp"
#include "analyzer/evidence/mechanism.hpp"
#include "analyzer/evidence/secrets.hpp"
#include "analyzer/evidence/settings.hpp"
#include "analyzer/evidence/text.hpp"
#include "analyzer/utf8.hpp"

namespace ndr {
namespace {

constexpr std::size_t longest_value = 4096;

void clean(std::string& text) { text = without_secrets(to_utf8(std::string_view{text}.substr(0, longest_value))); }
void clean(MaybeSourced<std::string>& field) {
  if (field) clean(field->value);
}
void clean(std::vector<StackFrame>& stack) {
  for (StackFrame& frame : stack) {
    clean(frame.file);
    clean(frame.function);
    clean(frame.text);
  }
}

// The same fact from several places: the first is kept, another value is a conflict.
class Gathered {
public:
  Gathered(std::string field, Evidence& evidence) : field_(std::move(field)), evidence_(evidence) {}
  template <class Meaning>
  void add(const MaybeSourced<std::string>& source, Meaning meaning) {
    const auto value = source ? meaning(source->value) : std::nullopt;
    if (!value) return;
    const Sourced<std::string> found{*value, source->origin};
    if (!kept_)
      kept_ = found;
    else if (kept_->value != found.value)
      evidence_.conflicts.push_back({field_, *kept_, found});
  }
  MaybeSourced<std::string> kept() const { return kept_; }

private:
  std::string field_;
  Evidence& evidence_;
  MaybeSourced<std::string> kept_;
};

MaybeSourced<std::string> find(const std::map<std::string, Sourced<std::string>>& values, const std::string& name) {
  const auto found = values.find(name);
  if (found == values.end()) return std::nullopt;
  return found->second;
}

void take_fault(const Fault& fault, Evidence& evidence) {
  evidence.failure_type = fault.type;
  evidence.exception = fault.exception;
  evidence.error_line = fault.error_line;
  evidence.throw_location = fault.throw_location;
  evidence.failing_statement = fault.statement;
  evidence.test_id = fault.test_id;
  evidence.test_file = fault.test_file;
  evidence.test_line = fault.test_line;
  evidence.python_stack = fault.python_stack;
  evidence.native_stack = fault.native_stack;
  // The verdict stands in the log before the block that explains it.
  const bool seen_first =
      !fault.seen.stamp.empty() && (fault.error_stamp.empty() || fault.seen.stamp < fault.error_stamp);
  if (seen_first)
    evidence.failed_at = sourced(fault.seen.stamp, fault.seen.origin);
  else if (!fault.error_stamp.empty() && fault.error_line)
    evidence.failed_at = sourced(fault.error_stamp, fault.error_line->origin);
  evidence.predecessor_count = fault.before.count;
  evidence.predecessors = fault.before.names;
}

double in_milliseconds(double seconds) { return std::round(seconds * 1000) / 1000; }

void take_times(const JobOutcome& outcome, Evidence& evidence) {
  if (outcome.end && outcome.end->kind != FrameError::Kind::exit_code && outcome.silent_s >= 1)
    evidence.silent_seconds = sourced(in_milliseconds(outcome.silent_s), outcome.end->seen.origin);
  if (!evidence.failed_at) return;
  const auto since = [&](const std::string& stamp) -> MaybeSourced<double> {
    if (stamp.empty() || stamp > evidence.failed_at->value) return std::nullopt;
    return sourced(in_milliseconds(seconds_between(stamp, evidence.failed_at->value)), evidence.failed_at->origin);
  };
  evidence.seconds_into_step = since(outcome.step->header().seen.stamp);
  evidence.seconds_into_test = since(outcome.fault->test_began);
}

// Who of several processes, workers or devices: only what the failure itself names.
void take_rank(const Fault& fault, Evidence& evidence) {
  std::string names = fault.worker ? fault.worker->value : std::string{};
  const auto add = [&](const std::string& name) {
    if (!name.empty()) names += (names.empty() ? "" : " ") + name;
  };
  add(process_name(fault.seen.process));
  if (fault.error_line) add(named_devices(fault.error_line->value));
  const Origin& origin = fault.error_line ? fault.error_line->origin : fault.seen.origin;
  if (!names.empty()) evidence.rank_or_device = sourced(names, fault.worker ? fault.worker->origin : origin);
}

void set_variable(Evidence& evidence, const std::string& name, Sourced<std::string> value) {
  constexpr std::size_t most_secrets = 100;
  if (is_runner_variable(name)) return;
  if (!contains(value.value, "***") && !is_secret(name, value.value))
    evidence.environment[name] = std::move(value);
  else if (evidence.secrets.size() < most_secrets)
    evidence.secrets.emplace(to_utf8(name), value.origin);
}

// "ok=1", "attempt=2": a script's own, no part of the environment.
bool is_script_variable(std::string_view name) {
  return std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// Step block, then what the script exports and the log shows, then what stands in front of the command.
void take_environment(const StepReader& step, const std::optional<ShellCommand>& command, Evidence& evidence) {
  const bool has_frame = !step.header().title.empty();
  if (has_frame && !command) return;
  for (const auto& [name, value] : step.header().environment)
    set_variable(evidence, name, value);
  for (const ShellCommand& set : shell_commands(step.header().script)) {
    if (!set.text.empty()) continue;
    for (const auto& [name, value] : set.assignments) {
      if (!is_script_variable(name)) set_variable(evidence, name, {value, set.origin});
    }
  }
  for (const auto& [name, value] : step.settings())
    set_variable(evidence, name, value);
  if (!command) return;
  for (const auto& [name, value] : command->assignments)
    set_variable(evidence, name, {value, command->origin});
}

void set_limit(Evidence& evidence, const std::string& name, std::optional<double> value, const Origin& origin) {
  if (value) evidence.timeouts.emplace(name, sourced(*value, origin));
}

// "timeout", "timeout-minutes": the step's own, not that of a watchdog.
bool is_step_limit(std::string_view input) {
  const std::string lower = to_lower(input);
  return contains(lower, "timeout") && !contains(lower, "hang") && !contains(lower, "dispatch") &&
         !contains(lower, "operation") && !contains(lower, "detection") && !contains(lower, "pytest") &&
         !contains(lower, "second") && !contains(lower, "per-test") && !contains(lower, "per_test");
}

void take_timeouts(const JobOutcome& outcome, const std::optional<ShellCommand>& command, Evidence& evidence) {
  const StepReader& step = *outcome.step;
  const auto& header = step.pytest().session().timeout_s;
  const bool other = command && (command->kind == CommandKind::gtest || command->kind == CommandKind::ctest);
  if (header && !other) set_limit(evidence, "pytest_s", header->value, header->origin);
  if (command && command->kind == CommandKind::pytest) {
    const auto option = option_value(command->text, "--timeout");
    set_limit(evidence, "pytest_s", option ? to_decimal(*option) : std::nullopt, command->origin);
  }
  if (const auto operation = find(evidence.environment, "TT_METAL_OPERATION_TIMEOUT_SECONDS")) {
    set_limit(evidence, "operation_s", to_decimal(operation->value), operation->origin);
  }
  if (outcome.end && outcome.end->minutes > 0) {
    set_limit(evidence, "step_min", outcome.end->minutes, outcome.end->seen.origin);
  }
  if (command) set_limit(evidence, "command_s", command->limit_s, command->origin);
  for (const auto& [name, value] : step.header().with) {
    if (command && is_step_limit(name)) set_limit(evidence, "step_min", to_decimal(value.value), value.origin);
  }
  for (const auto& [name, value] : outcome.job.inputs) {
    if (command && is_step_limit(name)) set_limit(evidence, "step_min", to_decimal(value.value), value.origin);
  }
  for (const auto& [name, value] : step.limits())
    evidence.timeouts.emplace(name, value);
}

void take_platform(const JobOutcome& outcome, Evidence& evidence) {
  constexpr std::array<std::string_view, 8> inputs{"arch",     "runner-label", "sku",      "runner",
                                                   "topology", "board",        "platform", "runs-on"};
  Gathered arch{"arch", evidence};
  Gathered board{"board", evidence};
  arch.add(find(evidence.environment, "ARCH_NAME"), arch_in);
  board.add(outcome.job.job, board_in);
  for (const std::string_view name : inputs) {
    const auto input = find(outcome.job.inputs, std::string{name});
    arch.add(input, arch_in);
    board.add(input, board_in);
  }
  arch.add(outcome.job.job, arch_in);
  if (outcome.step) arch.add(find(outcome.step->header().environment, "ARCH_NAME"), arch_in);
  if (outcome.step) arch.add(outcome.step->arch_hint(), arch_in);
  board.add(find(evidence.environment, "MESH_DEVICE"), board_in);
  if (!board.kept()) board.add(outcome.job.workflow, board_in);
  if (!board.kept()) board.add(outcome.job.runner, board_in);
  if (!board.kept() && outcome.step) board.add(outcome.step->board_hint(), board_in);
  evidence.arch = arch.kept();
  evidence.board = board.kept();
}

void clean_all(Evidence& evidence) {
  for (auto* field : {&evidence.exception, &evidence.error_line, &evidence.throw_location, &evidence.failing_statement,
                      &evidence.test_id, &evidence.test_file, &evidence.command, &evidence.arch, &evidence.board,
                      &evidence.workflow, &evidence.job, &evidence.runner, &evidence.rank_or_device,
                      &evidence.container_image, &evidence.revision, &evidence.cut_off}) {
    clean(*field);
  }
  std::map<std::string, Sourced<std::string>> environment;
  for (auto& [name, value] : evidence.environment) {
    clean(value.value);
    environment.emplace(to_utf8(name), std::move(value));
  }
  evidence.environment = std::move(environment);
  for (auto& [name, value] : evidence.settings)
    clean(value.value);
  for (auto* list : {&evidence.steps, &evidence.predecessors, &evidence.fallout}) {
    for (Sourced<std::string>& item : *list)
      clean(item.value);
  }
  clean(evidence.python_stack);
  clean(evidence.native_stack);
  for (Conflict& conflict : evidence.conflicts) {
    clean(conflict.kept.value);
    clean(conflict.other.value);
  }
}

}  // namespace

Evidence evidence_of(const JobOutcome& outcome) {
  Evidence evidence;
  evidence.is_failure = outcome.is_failure;
  evidence.cut_off = outcome.cut_off;
  evidence.shows_tests = outcome.step && (outcome.step->ran_tests() || !outcome.step->test_commands().empty());
  if (outcome.is_failure) evidence.failure_type = FailureType::exception;
  if (outcome.fault) {
    take_fault(*outcome.fault, evidence);
    take_rank(*outcome.fault, evidence);
  }
  if (outcome.fault && outcome.step) {
    take_times(outcome, evidence);
    evidence.fallout = outcome.step->fallout(*outcome.fault);
  }
  for (const auto& other : outcome.other_failures) {
    if (evidence.error_line) evidence.conflicts.push_back({"error_line", *evidence.error_line, other});
  }
  evidence.steps = outcome.steps;
  evidence.container_image = outcome.job.container_image;
  evidence.revision = outcome.job.revision;
  evidence.runner = outcome.job.runner;
  evidence.workflow = outcome.job.workflow;
  evidence.job = outcome.job.job;
  if (outcome.step) {
    const auto command = outcome.step->failing_command(outcome.fault ? &*outcome.fault : nullptr);
    if (command && !command->text.empty()) evidence.command = sourced(command->text, command->origin);
    take_environment(*outcome.step, command, evidence);
    take_timeouts(outcome, command, evidence);
  }
  take_platform(outcome, evidence);
  if (outcome.step) evidence.settings = outcome.step->sizes();
  add_switches(evidence, outcome.job.inputs, evidence.settings);
  clean_all(evidence);
  evidence.mechanism = mechanism_of(evidence);
  return evidence;
}

}  // namespace ndr
