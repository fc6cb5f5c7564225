#include <array>
#include <cmath>
#include <utility>

#include "analyzer/evidence/stack.hpp"
#include "analyzer/evidence/text.hpp"
#include "analyzer/printed_text.hpp"
#include "storage/analysis_json.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_listed = 40;

class Page {
public:
  explicit Page(const AnalysisParts& parts) : parts_(parts) {}

  std::string write() {
    const Evidence& e = parts_.evidence;
    line("# Analysis" + (e.job ? ": " + markdown_text(e.job->value) : std::string{}));
    line("");
    line(e.is_failure ? "**" + std::string{to_text(e.failure_type)} + "**" +
                            (e.error_line ? ": " + markdown_text(e.error_line->value) : "")
         : e.cut_off ? "The logs show no failure; they end while " + markdown_text(e.cut_off->value) + " runs (" +
                           place(e.cut_off->origin) + ")."
         : e.shows_tests ? "The logs show no failure."
                         : "The logs show no tests at all.");
    checklist();
    evidence();
    lists();
    stacks();
    hypotheses();
    replication();
    sources();
    return std::move(text_);
  }

private:
  void line(std::string_view text) { (text_ += text) += '\n'; }
  void heading(std::string_view text) {
    line("");
    line("## " + std::string{text});
    line("");
  }
  void row(const std::string& a, const std::string& b, const std::string& c) {
    line("| " + a + " | " + b + " | " + c + " |");
  }
  void table(const std::string& a, const std::string& b, const std::string& c) {
    row(a, b, c);
    row("---", "---", "---");
  }
  std::string place(const Origin& origin) const {
    const auto& files = parts_.evidence.files;
    return origin.file < files.size() && origin.line > 0
               ? markdown_text(files[origin.file]) + ":" + std::to_string(origin.line)
               : "";
  }

  void checklist() {
    heading("Checklist");
    for (const ChecklistItem& item : parts_.checklist) {
      line("- [" + std::string{item.done ? "x" : " "} + "] " + markdown_text(item.text) + ": " +
           markdown_text(item.note) + (item.place.empty() ? "" : " (" + markdown_text(item.place) + ")"));
    }
  }

  template <class Value, class Show>
  void field(const std::string& name, const MaybeSourced<Value>& value, Show show) {
    if (value)
      row(name, show(value->value), place(value->origin));
    else
      row(name, "-", "not in the logs");
  }
  void evidence() {
    const Evidence& e = parts_.evidence;
    const auto as_cell = [](const std::string& text) { return markdown_text(text); };
    heading("Evidence");
    table("field", "value", "read from");
    const std::array<std::pair<const char*, const MaybeSourced<std::string>*>, 15> texts{
        {{"exception", &e.exception},
         {"error line", &e.error_line},
         {"throw location", &e.throw_location},
         {"failing statement", &e.failing_statement},
         {"test", &e.test_id},
         {"test file", &e.test_file},
         {"command", &e.command},
         {"arch", &e.arch},
         {"board", &e.board},
         {"workflow", &e.workflow},
         {"job", &e.job},
         {"runner", &e.runner},
         {"rank or device", &e.rank_or_device},
         {"container image", &e.container_image},
         {"failed at", &e.failed_at}}};
    for (const auto& [name, value] : texts)
      field(name, *value, as_cell);
    field("revision", e.revision, as_cell);
    field("test line", e.test_line, [](std::uint64_t number) { return std::to_string(number); });
    field("seconds into the step", e.seconds_into_step, decimal_text);
    field("seconds into the test", e.seconds_into_test, decimal_text);
    field("silent seconds", e.silent_seconds, decimal_text);
    field("mechanism", e.mechanism, [](FailureMechanism mechanism) { return std::string{to_text(mechanism)}; });
    for (const auto& [name, value] : e.timeouts)
      row("limit " + markdown_text(name), decimal_text(value.value), place(value.origin));
    for (const auto& [name, value] : e.settings)
      row("setting " + markdown_text(name), markdown_text(value.value), place(value.origin));
    for (const auto& [name, value] : e.environment)
      row("variable " + markdown_text(name), markdown_text(value.value), place(value.origin));
    for (const auto& [name, origin] : e.secrets)
      row("secret " + markdown_text(name), "not copied", place(origin));
    for (const Conflict& conflict : e.conflicts)
      row("conflict " + markdown_text(conflict.field),
          markdown_text(conflict.kept.value) + " is kept, but " + markdown_text(conflict.other.value) + " too",
          place(conflict.kept.origin) + " and " + place(conflict.other.origin));
  }

  void list(const std::string& title, const std::vector<Sourced<std::string>>& items) {
    if (items.empty()) return;
    heading(title);
    for (std::size_t i = 0; i < items.size() && i < most_listed; ++i)
      line("- " + markdown_text(items[i].value) + " (" + place(items[i].origin) + ")");
    if (items.size() > most_listed) line("- and " + std::to_string(items.size() - most_listed) + " more");
  }
  void lists() {
    const Evidence& e = parts_.evidence;
    list("Steps before", e.steps);
    const std::string part = e.predecessors.size() < e.predecessor_count
                                 ? ", of which the last " + std::to_string(e.predecessors.size()) + " are known"
                                 : "";
    list("Tests that ran before in the same process (" + std::to_string(e.predecessor_count) + part + ")",
         e.predecessors);
    list("Later failures", e.fallout);
    if (e.logs.size() < 2) return;
    heading("Logs");
    for (const LogOutcome& log : e.logs) {
      const std::string file = log.file < e.files.size() ? e.files[log.file] : "?";
      line("- " + markdown_text(file) + (log.job ? ", " + markdown_text(log.job->value) : "") + ": " +
           (log.same_failure ? "shows this failure"
            : log.is_failure ? "shows another failure: " + std::string{to_text(log.failure_type)}
            : log.cut_off    ? "ends while " + markdown_text(log.cut_off->value) + " runs"
                             : "shows no failure"));
    }
  }

  void stack(const std::string& title, const std::vector<StackFrame>& frames) {
    if (frames.empty()) return;
    heading(title);
    for (std::size_t i = 0; i < frames.size() && i < most_listed; ++i) {
      const StackFrame& frame = frames[i];
      const std::string where = frame.line == 0 ? markdown_text(frame.text)
                                                : markdown_text(frame.file) + ":" + std::to_string(frame.line) + " " +
                                                      markdown_text(frame.function);
      line("- " + where + (is_foreign_frame(frame) ? " (a library's)" : "") + " (" + place(frame.origin) + ")");
    }
  }
  void stacks() {
    stack("Python stack, innermost last", parts_.evidence.python_stack);
    stack("Native stack, innermost first", parts_.evidence.native_stack);
  }

  void hypotheses() {
    if (parts_.hypotheses.empty()) return;
    heading("What may lie behind it");
    for (const Hypothesis& hypothesis : parts_.hypotheses) {
      std::string reasons;
      for (const auto& reason : hypothesis.reasons)
        reasons += (reasons.empty() ? ": " : "; ") + markdown_text(reason.value) + " (" + place(reason.origin) + ")";
      line("- " + std::string{to_text(hypothesis.cause)} + ", " + std::to_string(std::lround(hypothesis.weight * 100)) +
           " %" + reasons);
    }
  }
  void replication() {
    heading("What cannot be replicated here");
    if (parts_.not_replicable.empty()) line("Nothing was found.");
    for (const NotReplicable& item : parts_.not_replicable)
      line("- " + markdown_text(item.what) + ": " + std::string{to_text(item.substitute)} + ", " +
           markdown_text(item.reason) + " (" + place(item.seen.origin) + ")");
  }
  void sources() {
    if (!parts_.test.file.empty()) {
      heading("The test's source");
      const TestFacts& test = parts_.test;
      line("- " + markdown_text(test.function) + " (" + markdown_text(test.file) + ":" + std::to_string(test.line) +
           "), device: " + markdown_text(test.fixture_kind));
      if (test.failing_line > 0)
        line("- fails at " + markdown_text(test.failing_statement) + " (" + markdown_text(test.file) + ":" +
             std::to_string(test.failing_line) + "); its slice keeps " + std::to_string(test.statements_kept) + " of " +
             std::to_string(test.statements) + " statements");
      for (const std::string& reason : test.unsafe)
        line("- the slice is not safe alone: " + markdown_text(reason));
    }
    if (!parts_.jobs.jobs.empty() || !parts_.jobs.configurations.empty()) {
      heading("The job's configuration");
      const auto& files = parts_.job_files;
      const auto where = [&](const Origin& origin) {
        return origin.file < files.size() ? markdown_text(files[origin.file]) + ":" + std::to_string(origin.line)
                                          : std::string{};
      };
      for (const JobCandidate& candidate : parts_.jobs.jobs)
        line("- " + markdown_text(candidate.name) + " (" + where(candidate.job.origin) +
             "): " + markdown_text(candidate.reason));
      for (const ConfigurationCandidate& candidate : parts_.jobs.configurations)
        line("- " + markdown_text(candidate.test.key) + " [" + markdown_text(candidate.sku) + "] (" +
             where(candidate.test.origin) + "): " + markdown_text(candidate.reason));
    }
    if (parts_.problems.empty()) return;
    heading("Problems");
    for (const Refusal& problem : parts_.problems)
      line("- " + markdown_text(to_text(problem)));
  }

  const AnalysisParts& parts_;
  std::string text_;
};

}  // namespace

std::string analysis_markdown(const AnalysisParts& parts) { return Page{parts}.write(); }

}  // namespace ndr
