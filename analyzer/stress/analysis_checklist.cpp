#include "analyzer/stress/analysis_checklist.hpp"

#include <algorithm>

#include "analyzer/evidence/stack.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::string_view give_checkout = "give the checkout: `repository:` in case.yaml, or --repository";

ChecklistItem missing(std::string id, std::string text, std::string why) {
  return {std::move(id), std::move(text), false, "", std::move(why)};
}

// Why the workflow that the log names could not be read; null where it could.
const Refusal* workflow_problem(const Evidence& evidence, const AnalysisFindings& findings) {
  if (!evidence.workflow || findings.problems == nullptr) return nullptr;
  const std::string_view file = file_name(evidence.workflow->value);
  const auto found = std::find_if(findings.problems->begin(), findings.problems->end(), [&](const Refusal& problem) {
    return !file.empty() && contains(problem.field, file);
  });
  return found == findings.problems->end() ? nullptr : &*found;
}

// What no code of ours is to blame for.
bool is_of_code(const Evidence& evidence) { return evidence.is_failure && evidence.failure_type != FailureType::infra; }
std::string why_no_code(const Evidence& evidence) {
  return evidence.is_failure ? "the failure is of the machine or the network, not of code" : "there is no failure";
}

const StackFrame* own_frame(const Evidence& evidence) {
  const StackFrame* python = innermost_own_frame(evidence.python_stack, true);
  return python != nullptr ? python : innermost_own_frame(evidence.native_stack, false);
}

ChecklistItem job_item(const Evidence& evidence, const AnalysisFindings& findings) {
  const std::string text = "the CI configuration of the failing job is found and read";
  if (!findings.has_checkout)
    return missing("ci_configuration", text, "there is no checkout; " + std::string{give_checkout});
  if (!evidence.job)
    return missing("ci_configuration", text, "the logs name no job; set `workflow:` and `job:` in case.yaml");
  const JobSearch& jobs = *findings.jobs;
  const Refusal* problem = workflow_problem(evidence, findings);
  if (jobs.jobs.empty() && jobs.configurations.empty() && problem != nullptr)
    return missing("ci_configuration", text, "the workflow that the log names cannot be read: " + to_text(*problem));
  if (jobs.jobs.empty() && jobs.configurations.empty())
    return missing("ci_configuration", text,
                   "no job of the checkout is called " + evidence.job->value + "; is it the commit that CI ran?");
  const std::size_t count = jobs.jobs.size() + jobs.configurations.size();
  const Origin origin = jobs.jobs.empty() ? jobs.configurations.front().test.origin : jobs.jobs.front().job.origin;
  const std::string note = count == 1
                               ? jobs.jobs.empty() ? jobs.configurations.front().reason : jobs.jobs.front().reason
                               : std::to_string(count) + " candidates, of which this is the surest";
  return {"ci_configuration", text, count >= 1, place_of(*findings.job_files, origin), note};
}

ChecklistItem environment_item(const Evidence& evidence) {
  const std::string text = "all variables of the environment are extracted";
  if (evidence.environment.empty())
    return missing("environment", text,
                   "the logs show no variables; raw logs of the job hold an env: block for each step");
  const auto& first = evidence.environment.begin()->second;
  std::string note = std::to_string(evidence.environment.size()) + " variables";
  if (!evidence.secrets.empty())
    note += ", and " + std::to_string(evidence.secrets.size()) + " secrets without a value";
  return {"environment", text, true, place_of(evidence.files, first.origin), note};
}

ChecklistItem limits_item(const Evidence& evidence) {
  const std::string text = "limits and special settings are found";
  if (evidence.timeouts.empty() && evidence.settings.empty())
    return missing("limits", text,
                   "the logs show no limit; look into the workflow for timeout and hang-detection-timeout");
  std::string note;
  for (const auto& [name, value] : evidence.timeouts) {
    note.append(note.empty() ? "" : ", ").append(name).append(" ").append(decimal_text(value.value));
  }
  for (const auto& [name, value] : evidence.settings)
    note.append(note.empty() ? "" : ", ").append(name).append(" ").append(value.value);
  const Origin origin =
      evidence.timeouts.empty() ? evidence.settings.begin()->second.origin : evidence.timeouts.begin()->second.origin;
  return {"limits", text, true, place_of(evidence.files, origin), note};
}

ChecklistItem type_item(const Evidence& evidence) {
  const std::string text = "the type of the failure is identified";
  if (evidence.cut_off)
    return {"failure_type", text, false, place_of(evidence.files, evidence.cut_off->origin),
            "the log ends while " + evidence.cut_off->value + " runs, without a failure; fetch it again, whole"};
  if (!evidence.is_failure && !evidence.shows_tests)
    return missing("failure_type", text, "the logs show no tests at all; give the log of the job that ran them");
  if (!evidence.is_failure)
    return missing("failure_type", text, "the logs show no failure; add the log of a job that failed");
  const std::string place = evidence.error_line ? place_of(evidence.files, evidence.error_line->origin) : std::string{};
  std::string note{to_text(evidence.failure_type)};
  const auto others = std::count_if(evidence.logs.begin(), evidence.logs.end(),
                                    [](const LogOutcome& log) { return log.is_failure && !log.same_failure; });
  if (others > 0)
    note.append("; ").append(std::to_string(others)).append(" of the logs show another failure: give it its own case");
  return {"failure_type", text, true, place, note};
}

ChecklistItem line_item(const Evidence& evidence, const TestFacts* test) {
  const std::string text = "the line of code that fails is located";
  if (test != nullptr && test->failing_line > 0)
    return {"failing_line", text, true, test->file + ":" + std::to_string(test->failing_line), test->failing_statement};
  if (evidence.throw_location)
    return {"failing_line", text, true, place_of(evidence.files, evidence.throw_location->origin),
            evidence.throw_location->value};
  if (const StackFrame* frame = own_frame(evidence); frame != nullptr && frame->line > 0)
    return {"failing_line", text, true, place_of(evidence.files, frame->origin),
            frame->file + ":" + std::to_string(frame->line)};
  if (!is_of_code(evidence)) return missing("failing_line", text, why_no_code(evidence));
  return missing("failing_line", text, "the logs hold no stack: a run with PYTHONFAULTHANDLER=1 would leave one");
}

ChecklistItem operation_item(const Evidence& evidence, const TestFacts* test) {
  const std::string text = "the smallest failing operation is determined";
  if (test != nullptr && test->statements_kept > 0) {
    std::string note =
        std::to_string(test->statements_kept) + " of " + std::to_string(test->statements) + " statements";
    if (!test->unsafe.empty()) note += "; not safe alone: " + test->unsafe.front();
    return {"operation", text, true, test->file + ":" + std::to_string(test->failing_line), note};
  }
  if (evidence.failing_statement)
    return {"operation", text, true, place_of(evidence.files, evidence.failing_statement->origin),
            evidence.failing_statement->value};
  if (!is_of_code(evidence)) return missing("operation", text, why_no_code(evidence));
  const std::string why = test == nullptr ? "the test's source was not read; " + std::string{give_checkout}
                          : test->file.empty()
                              ? "the test is not in the checkout; is it the commit that CI ran?"
                              : "no line of the test is known to have failed: the whole test is the operation";
  return missing("operation", text, why);
}

ChecklistItem replication_item(const AnalysisFindings& findings) {
  const std::string text = "what cannot be replicated here is listed, with a substitute for each";
  const std::size_t count = findings.not_replicable == nullptr ? 0 : findings.not_replicable->size();
  return {"not_replicable", text, findings.not_replicable != nullptr, "",
          count == 0 ? "nothing was found" : std::to_string(count) + " things, see the list"};
}

ChecklistItem strategy_item(const Evidence& evidence, const AnalysisFindings& findings) {
  const std::string text = "a strategy of amplification is chosen";
  if (findings.hypotheses == nullptr || findings.hypotheses->empty())
    return missing("strategy", text, "without a failure there is nothing to amplify");
  const Hypothesis& likeliest = findings.hypotheses->front();
  const std::string place =
      likeliest.reasons.empty() ? std::string{} : place_of(evidence.files, likeliest.reasons.front().origin);
  return {"strategy", text, true, place,
          "the likeliest cause is " + std::string{to_text(likeliest.cause)} + "; campaigns start from there"};
}

ChecklistItem device_item(const TestFacts* test) {
  const std::string text = "the set-up of the device is that of the original test";
  if (test == nullptr) return missing("device", text, "the test's source was not read; " + std::string{give_checkout});
  if (test->file.empty())
    return missing("device", text, "the test is not in the checkout; is it the commit that CI ran?");
  return {"device", text, true, test->file + ":" + std::to_string(test->line), test->fixture_kind};
}

}  // namespace

std::vector<ChecklistItem> analysis_checklist(const Evidence& evidence, const AnalysisFindings& findings) {
  return {job_item(evidence, findings), environment_item(evidence),         limits_item(evidence),
          type_item(evidence),          line_item(evidence, findings.test), operation_item(evidence, findings.test),
          replication_item(findings),   strategy_item(evidence, findings),  device_item(findings.test)};
}

}  // namespace ndr
