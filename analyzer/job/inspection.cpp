#include "analyzer/job/inspection.hpp"

#include <algorithm>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

bool is_yaml(const std::string& path) { return path.ends_with(".yaml") || path.ends_with(".yml"); }

void inspect_configurations(const SourceTree& tree, Inspection& inspection) {
  for (const std::string& path : tree.paths) {
    if (!path.starts_with("tests/") || !is_yaml(path)) continue;
    const auto text = tree.text(path);
    if (!text) continue;
    const auto document = parse_yaml(*text, path);
    if (document.has_error()) {
      inspection.files.problems.push_back(document.error());
    } else if (is_test_configuration(*document)) {
      for (ConfiguredTest& test : configured_tests(tree, path, *document, inspection.files))
        inspection.configured.push_back(std::move(test));
    }
  }
}

bool is_called(const JobFacts& job, const std::string& name) {
  return job.id == name || std::any_of(job.rows.begin(), job.rows.end(),
                                       [&](const JobRow& row) { return row.name == name || row.matrix.key == name; });
}

}  // namespace

Inspection inspect(const SourceTree& tree, const std::string& workflow, const std::string& job) {
  Inspection inspection;
  bool found = workflow.empty();
  for (const std::string& path : tree.paths) {
    if (!path.starts_with(".github/workflows/") || !is_yaml(path)) continue;
    const bool wanted = workflow.empty() || path == workflow || file_name(path) == workflow;
    if (!wanted) continue;
    found = true;
    for (JobFacts& facts : workflow_jobs(tree, path, inspection.files)) {
      if (job.empty() || is_called(facts, job)) inspection.jobs.push_back(std::move(facts));
    }
  }
  if (!found)
    inspection.files.problems.push_back(
        {workflow, "is no workflow of the checkout", "name a file of .github/workflows"});
  if (found && !job.empty() && inspection.jobs.empty())
    inspection.files.problems.push_back({job, "is no job of " + workflow, "name its id, or its name as CI shows it"});
  if (workflow.empty()) inspect_configurations(tree, inspection);
  return inspection;
}

}  // namespace ndr
