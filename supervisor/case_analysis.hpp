#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/evidence/extract.hpp"
#include "analyzer/evidence/hypothesis.hpp"
#include "analyzer/job/job_search.hpp"
#include "analyzer/job/replication.hpp"
#include "analyzer/job/test_facts.hpp"
#include "analyzer/stress/analysis_checklist.hpp"
#include "storage/analysis_json.hpp"

namespace ndr {

/// All that is known of a failure before a stress test is written: what the logs say, what the checkout says of the job
/// and of the test, what cannot be had here, what may lie behind it, and what is still missing.
struct CaseAnalysis {
  Extraction extraction;
  std::optional<std::filesystem::path> repository;
  JobSearch jobs;
  FactFiles job_files;
  TestFacts test;
  std::string test_source;  // the whole answer of the test source's reader; empty where it was not asked
  std::vector<Refusal> problems;
  std::vector<Hypothesis> hypotheses;
  std::vector<NotReplicable> not_replicable;
  std::vector<ChecklistItem> checklist;
};

/// What of it storage writes down; refers to the analysis, which outlives it.
AnalysisParts parts_of(const CaseAnalysis& analysis);

/// Reads the checkout (nothing: there is none) and looks at this host. Blocks, at most about a minute. `with_stress`:
/// the code of the stress test too.
CaseAnalysis analyze_case(Extraction extraction, const std::optional<std::filesystem::path>& repository,
                          bool with_stress = false);

}  // namespace ndr
