#pragma once
#include <string>
#include <vector>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/evidence/hypothesis.hpp"
#include "analyzer/job/job_search.hpp"
#include "analyzer/job/replication.hpp"
#include "analyzer/job/test_facts.hpp"
#include "analyzer/refusal.hpp"

namespace ndr {

/// One thing to know before a stress test is written. `place`: "file:line" of what says so; `note`: what was found, or
/// why it is missing and what to do.
struct ChecklistItem {
  std::string id;
  std::string text;
  bool done = false;
  std::string place;
  std::string note;
};

/// What the analysis found beside the logs.
struct AnalysisFindings {
  bool has_checkout = false;
  const JobSearch* jobs = nullptr;                      // null without a checkout
  const std::vector<std::string>* job_files = nullptr;  // Origin::file of `jobs` is an index into it
  const TestFacts* test = nullptr;
  const std::vector<NotReplicable>* not_replicable = nullptr;
  const std::vector<Hypothesis>* hypotheses = nullptr;
  const std::vector<Refusal>* problems = nullptr;  // what could not be read
};

/// The critical points of the manual procedure, each done or missing, with where it was read.
std::vector<ChecklistItem> analysis_checklist(const Evidence& evidence, const AnalysisFindings& findings);

}  // namespace ndr
