#include "supervisor/case_analysis.hpp"

#include <system_error>
#include <utility>

#include "analyzer/job/workflow_steps.hpp"
#include "storage/checkout.hpp"
#include "storage/test_source_json.hpp"
#include "supervisor/test_source.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

// Boards that the driver of this host shows.
int count_boards() {
  int boards = 0;
  std::error_code error;
  for (fs::directory_iterator entry{"/dev/tenstorrent", error}, end; !error && entry != end; entry.increment(error))
    ++boards;
  return boards;
}

bool has_path(const std::string& path) {
  std::error_code error;
  return fs::exists(path, error);
}

void read_job(const SourceTree& tree, CaseAnalysis& analysis) {
  const Evidence& evidence = analysis.extraction.evidence;
  if (!evidence.job) return;
  const std::string workflow = evidence.workflow ? evidence.workflow->value : std::string{};
  analysis.jobs = find_job(tree, evidence.job->value, workflow, analysis.job_files);
  for (JobCandidate& candidate : analysis.jobs.jobs) {
    if (evidence.failed_at) date_defaults(candidate.job, evidence.failed_at->value);
  }
  for (const Refusal& problem : analysis.job_files.problems)
    analysis.problems.push_back(problem);
}

void read_test(const fs::path& repository, bool with_stress, CaseAnalysis& analysis) {
  TestSourceQuestion question = question_of(repository, analysis.extraction.evidence);
  question.stress = with_stress;
  if (!question.test) return;
  const auto answer = read_test_source(question);
  if (answer.has_error()) return analysis.problems.push_back(answer.error());
  auto facts = test_facts_from(*answer, analysis.problems);
  if (facts.has_error()) return analysis.problems.push_back(facts.error());
  analysis.test_source = *answer;
  analysis.test = std::move(*facts);
}

}  // namespace

AnalysisParts parts_of(const CaseAnalysis& analysis) {
  return {analysis.extraction.evidence,
          analysis.extraction.signature,
          analysis.jobs,
          analysis.job_files.paths(),
          analysis.test,
          analysis.test_source,
          analysis.problems,
          analysis.hypotheses,
          analysis.not_replicable,
          analysis.checklist};
}

CaseAnalysis analyze_case(Extraction extraction, const std::optional<fs::path>& repository, bool with_stress) {
  CaseAnalysis analysis;
  analysis.extraction = std::move(extraction);
  const Evidence& evidence = analysis.extraction.evidence;
  const auto tree = repository ? open_checkout(*repository) : Checked<SourceTree>{SourceTree{}};
  if (tree.has_error()) analysis.problems.push_back(tree.error());
  const bool has_checkout = repository && tree.has_value();
  if (has_checkout) {
    analysis.repository = *repository;
    read_job(*tree, analysis);
    read_test(*repository, with_stress, analysis);
  }
  analysis.hypotheses = hypotheses_of(evidence);
  analysis.not_replicable = not_replicable(evidence, {count_boards(), has_path});
  const AnalysisFindings findings{has_checkout,
                                  &analysis.jobs,
                                  &analysis.job_files.paths(),
                                  has_checkout ? &analysis.test : nullptr,
                                  &analysis.not_replicable,
                                  &analysis.hypotheses,
                                  &analysis.problems};
  analysis.checklist = analysis_checklist(evidence, findings);
  return analysis;
}

}  // namespace ndr
