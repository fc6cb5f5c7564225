#pragma once
#include <vector>

#include "analyzer/job/job_facts.hpp"
#include "analyzer/job/job_search.hpp"
#include "analyzer/job/test_configuration.hpp"

namespace ndr {

/// What a checkout says of how CI runs its tests.
struct Inspection {
  std::vector<JobFacts> jobs;
  std::vector<ConfiguredTest> configured;
  FactFiles files;
};

/// All workflows and test configurations of the tree, or, with a workflow's path (or file name), that one alone, and
/// of it with a job's name or id those jobs alone.
Inspection inspect(const SourceTree& tree, const std::string& workflow = {}, const std::string& job = {});

}  // namespace ndr
