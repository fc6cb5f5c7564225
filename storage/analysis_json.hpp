#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/hypothesis.hpp"
#include "analyzer/evidence/signature.hpp"
#include "analyzer/job/job_search.hpp"
#include "analyzer/job/replication.hpp"
#include "analyzer/job/test_facts.hpp"
#include "analyzer/stress/analysis_checklist.hpp"

namespace ndr {

/// What an analysis finds beside the evidence.
struct AnalysisParts {
  const Evidence& evidence;
  const Signature& signature;
  const JobSearch& jobs;
  const std::vector<std::string>& job_files;
  const TestFacts& test;
  std::string_view test_source;  // answer of the test source's reader; may be empty
  const std::vector<Refusal>& problems;
  const std::vector<Hypothesis>& hypotheses;
  const std::vector<NotReplicable>& not_replicable;
  const std::vector<ChecklistItem>& checklist;
};

/// {checklist [{id, text, done, place, note}], hypotheses [{cause, weight, reasons [{text, place}]}], not_replicable
/// [{what, substitute, reason, place}], jobs [{workflow, job, name, row, reason, place, facts}], test_configurations
/// [...], test {file, function, ...} or null, problems [{where, reason, remedy}]}; a place is "file:line", "" where
/// there is none.
std::string findings_json_text(const AnalysisParts& parts);

/// The evidence's own form (evidence_json.hpp) with `signature` and the members above in one object.
std::string analysis_json_text(const AnalysisParts& parts);

/// A report for people, in Markdown: the checklist first, then every field with the place that it was read from.
std::string analysis_markdown(const AnalysisParts& parts);

}  // namespace ndr
