#include "daemon/analyze_command.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <iomanip>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>

#include "analyzer/evidence/extract.hpp"
#include "analyzer/evidence/stack.hpp"
#include "analyzer/evidence/text.hpp"
#include "analyzer/printed_text.hpp"
#include "analyzer/refusal.hpp"
#include "storage/analysis_json.hpp"
#include "storage/case_folder.hpp"
#include "storage/log_file.hpp"
#include "supervisor/campaign/case_files.hpp"
#include "supervisor/case_analysis.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

Checked<std::vector<fs::path>> logs_of(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status))
    return Refusal{path.string(), "does not exist", "give the path of a log or of a case folder"};
  if (!fs::is_directory(status)) return std::vector{path};
  const auto logs = ci_logs(CaseFolder{path});
  if (logs.has_error()) return logs.error();
  std::vector<fs::path> files;
  for (const fs::path& log : *logs)
    files.push_back(path / log);
  return files;
}

}  // namespace

Checked<Extraction> read_logs(const std::vector<fs::path>& paths) {
  if (paths.empty()) return Refusal{"FILE", "is missing", "name the logs of the failure, or its case folder"};
  EvidenceExtractor extractor;
  for (const fs::path& path : paths) {
    const auto logs = logs_of(path);
    if (logs.has_error()) return logs.error();
    std::uint64_t total = 0;
    for (const fs::path& log : *logs) {
      // A pipe without a writer must not hold us up.
      const UniqueFd file{::open(log.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
      if (!file)
        return Refusal{log.string(), "cannot be read: " + std::generic_category().message(errno),
                       "check its permissions"};
      const auto read = read_log_file(log.string(), file, extractor);
      if (read.has_error()) return read.error();
      total += *read;
    }
    if (total == 0) return Refusal{path.string(), "is empty", "download the job's log again"};
  }
  return extractor.finish();
}

namespace {

std::string place(const Evidence& evidence, const Origin& origin) {
  const std::string file = origin.file < evidence.files.size() ? evidence.files[origin.file] : "?";
  return file + ":" + std::to_string(origin.line);
}

// One line per field: name, value, and where it was read.
class Report {
public:
  Report(const Evidence& evidence, std::ostream& out) : evidence_(evidence), out_(out) {}

  void field(const std::string& name, const MaybeSourced<std::string>& value) {
    if (value)
      line(name, value->value, place(evidence_, value->origin));
    else
      line(name, "-", "not in the logs");
  }
  void line(const std::string& name, const std::string& value, const std::string& where) {
    out_ << std::left << std::setw(18) << printable(name) << (name.size() < 18 ? "" : " ") << printable(value)
         << (where.empty() ? "" : "   [" + printable(where) + "]") << '\n';
  }

private:
  const Evidence& evidence_;
  std::ostream& out_;
};

// Own frames; the framework's and the libraries' are counted.
void print_stack(Report& report, const Evidence& evidence, const std::vector<StackFrame>& stack,
                 const std::string& name) {
  std::size_t others = 0;
  for (const StackFrame& frame : stack) {
    if (is_foreign_frame(frame))
      ++others;
    else if (frame.line == 0)
      report.line(name, frame.text, place(evidence, frame.origin));
    else
      report.line(name, frame.file + ":" + std::to_string(frame.line) + " " + frame.function,
                  place(evidence, frame.origin));
  }
  if (others > 0) report.line(name + "s", std::to_string(others) + " more, of libraries", "");
}

// Of a case folder what case.yaml says, unless the command line says otherwise.
Checked<std::optional<fs::path>> repository_of(const AnalyzeOptions& options) {
  if (options.repository) return options.repository;
  std::error_code error;
  for (const fs::path& path : options.files) {
    if (!fs::is_directory(path, error)) continue;
    const auto settings = read_case_settings(CaseFolder{path});
    if (settings.has_error()) return settings.error();
    if (!settings->repository.empty()) return std::optional{fs::path{settings->repository}};
  }
  return std::optional<fs::path>{};
}

void print_circumstances(Report& report, const Evidence& evidence) {
  report.field("container image", evidence.container_image);
  report.field("revision", evidence.revision);
  const auto number = [&](const std::string& name, const MaybeSourced<double>& value) {
    if (value) report.line(name, decimal_text(value->value), place(evidence, value->origin));
  };
  number("s into step", evidence.seconds_into_step);
  number("s into test", evidence.seconds_into_test);
  number("s of silence", evidence.silent_seconds);
  if (evidence.mechanism)
    report.line("mechanism", std::string{to_text(evidence.mechanism->value)},
                place(evidence, evidence.mechanism->origin));
  for (const auto& [name, value] : evidence.settings)
    report.line("set " + name, value.value, place(evidence, value.origin));
  if (!evidence.predecessors.empty())
    report.line(
        "tests before it",
        std::to_string(evidence.predecessor_count) + " that ran, the last: " + evidence.predecessors.back().value,
        place(evidence, evidence.predecessors.back().origin));
  for (const auto& later : evidence.fallout)
    report.line("later", later.value, place(evidence, later.origin));
}

// Which of several logs, or of several jobs of one, show this failure.
void print_logs(Report& report, const Evidence& evidence) {
  if (evidence.logs.size() < 2) return;
  for (const LogOutcome& log : evidence.logs) {
    const std::string verdict = log.same_failure ? "this failure"
                                : log.is_failure ? "another failure: " + std::string{to_text(log.failure_type)}
                                : log.cut_off    ? "cut off while " + log.cut_off->value + " ran"
                                                 : "no failure";
    std::string text = log.file < evidence.files.size() ? evidence.files[log.file] : std::string{};
    if (log.job) text.append(", ").append(log.job->value);
    text.append(": ").append(verdict);
    report.line("log", text, log.error_line ? place(evidence, log.error_line->origin) : std::string{});
  }
}

void print_findings(Report& report, const CaseAnalysis& analysis) {
  const Evidence& evidence = analysis.extraction.evidence;
  for (const Hypothesis& hypothesis : analysis.hypotheses) {
    const long percent = std::lround(hypothesis.weight * 100);
    std::string text = std::string{to_text(hypothesis.cause)} + ", " + std::to_string(percent) + " %";
    for (const auto& reason : hypothesis.reasons)
      (text += &reason == &hypothesis.reasons.front() ? ": " : "; ") += reason.value;
    const Origin origin = hypothesis.reasons.empty() ? Origin{} : hypothesis.reasons.back().origin;
    report.line("may be", text, place(evidence, origin));
  }
  for (const NotReplicable& item : analysis.not_replicable)
    report.line("not here", item.what + ": " + std::string{to_text(item.substitute)} + ", " + item.reason,
                place(evidence, item.seen.origin));
  for (const ChecklistItem& item : analysis.checklist)
    report.line(item.done ? "done" : "missing", item.text + ": " + item.note, item.place);
  for (const Refusal& problem : analysis.problems)
    report.line("problem", to_text(problem), "");
}

void print_report(const CaseAnalysis& analysis, std::ostream& out) {
  const Evidence& evidence = analysis.extraction.evidence;
  Report report{evidence, out};
  // What the verdict stands on: the line that says what is wrong, else what is known of when.
  const auto& ground = evidence.error_line ? evidence.error_line : evidence.failed_at;
  const std::string where = ground ? place(evidence, ground->origin) : std::string{};
  report.line("failed", evidence.is_failure ? "yes" : "no", where);
  if (evidence.cut_off)
    report.line("cut off", "the log ends while " + evidence.cut_off->value + " runs",
                place(evidence, evidence.cut_off->origin));
  else if (!evidence.is_failure && !evidence.shows_tests)
    report.line("no tests", "the logs show no tests at all", "");
  report.line("failure type", std::string{to_text(evidence.failure_type)}, where);
  report.field("exception", evidence.exception);
  report.field("error line", evidence.error_line);
  report.field("throw location", evidence.throw_location);
  report.field("failing statement", evidence.failing_statement);
  report.field("failed at", evidence.failed_at);
  report.field("test", evidence.test_id);
  report.field("test file", evidence.test_file);
  if (evidence.test_line) {
    report.line("test line", std::to_string(evidence.test_line->value), place(evidence, evidence.test_line->origin));
  }
  report.field("command", evidence.command);
  for (const auto& [name, value] : evidence.environment)
    report.line("  " + name, value.value, place(evidence, value.origin));
  for (const auto& [name, value] : evidence.timeouts) {
    report.line("limit " + name, decimal_text(value.value), place(evidence, value.origin));
  }
  report.field("arch", evidence.arch);
  report.field("board", evidence.board);
  report.field("runner", evidence.runner);
  report.field("workflow", evidence.workflow);
  report.field("job", evidence.job);
  report.field("rank or device", evidence.rank_or_device);
  print_circumstances(report, evidence);
  print_logs(report, evidence);
  print_stack(report, evidence, evidence.python_stack, "python frame");
  print_stack(report, evidence, evidence.native_stack, "native frame");
  for (const Conflict& conflict : evidence.conflicts) {
    report.line("conflict: " + conflict.field, conflict.kept.value + " is kept, but " + conflict.other.value + " too",
                place(evidence, conflict.kept.origin) + " and " + place(evidence, conflict.other.origin));
  }
  print_findings(report, analysis);
}

}  // namespace

int analyze_command(const AnalyzeOptions& options, std::ostream& out, std::ostream& err) {
  auto extraction = read_logs(options.files);
  const auto repository = repository_of(options);
  if (extraction.has_error() || repository.has_error()) {
    const Refusal& refusal = extraction.has_error() ? extraction.error() : repository.error();
    err << "ndreprod analyze: " << printable(to_text(refusal)) << '\n';
    return 2;
  }
  // Named on the command line, it must be there; what case.yaml says may be elsewhere today.
  std::error_code error;
  if (options.repository && !fs::is_directory(*options.repository, error)) {
    const Refusal refusal{options.repository->string(), "is no folder", "give the path of the checkout"};
    err << "ndreprod analyze: " << printable(to_text(refusal)) << '\n';
    return 2;
  }
  const CaseAnalysis analysis = analyze_case(std::move(*extraction), *repository);
  if (options.json)
    out << analysis_json_text(parts_of(analysis));
  else if (options.markdown)
    out << analysis_markdown(parts_of(analysis));
  else
    print_report(analysis, out);
  out.flush();
  return out ? 0 : 2;
}

}  // namespace ndr
