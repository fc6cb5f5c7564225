#include "storage/analysis_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "storage/evidence_json.hpp"
#include "storage/fact_tree.hpp"
#include "storage/inspection_json.hpp"
#include "storage/strict_json.hpp"
#include "storage/test_source_json.hpp"

namespace ndr {
namespace {

using Json = nlohmann::ordered_json;

Json checklist_json(const std::vector<ChecklistItem>& items) {
  Json list = Json::array();
  for (const ChecklistItem& item : items)
    list.push_back(
        {{"id", item.id}, {"text", item.text}, {"done", item.done}, {"place", item.place}, {"note", item.note}});
  return list;
}

Json hypotheses_json(const AnalysisParts& parts) {
  Json list = Json::array();
  for (const Hypothesis& hypothesis : parts.hypotheses) {
    Json reasons = Json::array();
    for (const auto& reason : hypothesis.reasons)
      reasons.push_back({{"text", reason.value}, {"place", place_of(parts.evidence.files, reason.origin)}});
    list.push_back({{"cause", to_text(hypothesis.cause)}, {"weight", hypothesis.weight}, {"reasons", reasons}});
  }
  return list;
}

Json not_replicable_json(const AnalysisParts& parts) {
  Json list = Json::array();
  for (const NotReplicable& item : parts.not_replicable) {
    list.push_back({{"what", item.what},
                    {"substitute", to_text(item.substitute)},
                    {"reason", item.reason},
                    {"place", place_of(parts.evidence.files, item.seen.origin)}});
  }
  return list;
}

// The facts of one row of the job, in the form of an inspection.
Json job_json(const JobCandidate& candidate, const std::vector<std::string>& files) {
  Inspection one;
  JobFacts job = candidate.job;
  job.rows = {candidate.job.rows[candidate.row]};
  one.jobs.push_back(std::move(job));
  for (const std::string& file : files)
    one.files.index_of(file);
  FactTree tree;
  add_inspection(one, tree);
  Json facts = tree.take();
  return {{"workflow", candidate.job.workflow},
          {"job", candidate.job.id},
          {"name", candidate.name},
          {"row", candidate.job.rows[candidate.row].matrix.key},
          {"reason", candidate.reason},
          {"place", place_of(files, candidate.job.origin)},
          {"facts", facts["workflows"][candidate.job.workflow]["jobs"][candidate.job.id]},
          {"origins", facts["origins"]}};
}

Json configuration_json(const ConfigurationCandidate& candidate, const std::vector<std::string>& files) {
  Inspection one;
  one.configured.push_back(candidate.test);
  for (const std::string& file : files)
    one.files.index_of(file);
  FactTree tree;
  add_inspection(one, tree);
  Json facts = tree.take();
  return {{"file", candidate.test.file},
          {"entry", candidate.test.key},
          {"sku", candidate.sku},
          {"reason", candidate.reason},
          {"place", place_of(files, candidate.test.origin)},
          {"facts", facts["test_configs"][candidate.test.file][candidate.test.key]},
          {"origins", facts["origins"]}};
}

Json test_json(const AnalysisParts& parts) {
  if (parts.test.file.empty()) return nullptr;
  Json test{{"file", parts.test.file}, {"function", parts.test.function}, {"candidates", parts.test.candidates}};
  FactTree tree;
  if (!add_test_sources(parts.test_source, tree).has_error()) {
    Json facts = tree.take();
    test["facts"] = facts["tests"][parts.test.file]["functions"][parts.test.function];
    test["origins"] = facts["origins"];
  }
  return test;
}

Json findings_json(const AnalysisParts& parts) {
  Json findings;
  findings["checklist"] = checklist_json(parts.checklist);
  findings["hypotheses"] = hypotheses_json(parts);
  findings["not_replicable"] = not_replicable_json(parts);
  findings["jobs"] = Json::array();
  for (const JobCandidate& candidate : parts.jobs.jobs)
    findings["jobs"].push_back(job_json(candidate, parts.job_files));
  findings["test_configurations"] = Json::array();
  for (const ConfigurationCandidate& candidate : parts.jobs.configurations)
    findings["test_configurations"].push_back(configuration_json(candidate, parts.job_files));
  findings["test"] = test_json(parts);
  findings["problems"] = Json::array();
  for (const Refusal& problem : parts.problems)
    findings["problems"].push_back({{"where", problem.field}, {"reason", problem.reason}, {"remedy", problem.remedy}});
  return findings;
}

}  // namespace

std::string findings_json_text(const AnalysisParts& parts) { return json_text(findings_json(parts)); }

std::string analysis_json_text(const AnalysisParts& parts) {
  Json all = ordered_json_from(to_json_text(parts.evidence));
  all["signature"] = ordered_json_from(to_json_text(parts.signature));
  const Json findings = findings_json(parts);
  for (const auto& [name, value] : findings.items())
    all[name] = value;
  return dump_json(all);
}

}  // namespace ndr
