#include "daemon/analyze_command.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>

#include "analyzer/evidence/extract.hpp"
#include "analyzer/evidence/stack.hpp"
#include "analyzer/refusal.hpp"
#include "analyzer/utf8.hpp"
#include "daemon/log_file.hpp"
#include "storage/analysis_json.hpp"
#include "storage/case_folder.hpp"
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
    for (const fs::path& log : *logs) {
      const auto read = read_log_file(log, extractor);
      if (read.has_error()) return read.error();
    }
  }
  return extractor.finish();
}

namespace {

std::string place(const Evidence& evidence, const Origin& origin) {
  const std::string file = origin.file < evidence.files.size() ? evidence.files[origin.file] : "?";
  return file + ":" + std::to_string(origin.line);
}

// A log's text and the names of files must not drive the terminal: C0, DEL and C1 (U+0080 to U+009F) become blanks.
std::string printable(std::string_view text) {
  const std::string all = to_utf8(text);
  std::string safe;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto byte = static_cast<unsigned char>(all[i]);
    const bool is_c1 = byte == 0xc2 && static_cast<unsigned char>(all[i + 1]) < 0xa0;  // well-formed: i + 1 is there
    safe += is_c1 || byte < 0x20 || byte == 0x7f ? ' ' : all[i];
    if (is_c1) ++i;
  }
  return safe;
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

std::string short_number(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  return text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
}

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
    if (value) report.line(name, short_number(value->value), place(evidence, value->origin));
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
    report.line("tests before it",
                std::to_string(evidence.predecessor_count) + ", the last: " + evidence.predecessors.back().value,
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
    report.line("limit " + name, short_number(value.value), place(evidence, value.origin));
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
