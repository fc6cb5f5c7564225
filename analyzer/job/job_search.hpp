#pragma once
#include <string>
#include <vector>

#include "analyzer/job/job_facts.hpp"
#include "analyzer/job/test_configuration.hpp"

namespace ndr {

/// A job of the checkout that a log's job name may mean.
struct JobCandidate {
  JobFacts job;         // with the inputs that its callers give
  std::size_t row = 0;  // of job.rows
  std::string name;     // as CI would show it: "caller / called"
  int score = 0;        // the higher the surer
  std::string reason;
};

/// An entry of a test-configuration file that a log's job name may mean: "{name} [{sku}]".
struct ConfigurationCandidate {
  ConfiguredTest test;
  std::string sku;
  std::string reason;
};

struct JobSearch {
  std::vector<JobCandidate> jobs;  // the surest first; those that are less sure than another are left out
  std::vector<ConfigurationCandidate> configurations;
};

/// From what a log says ("Complete job name: t3k / ring tests [wh_llmbox]", and the workflow's file name, may be empty)
/// to the job of the checkout. Parts of a name that only the runner knows fit anything.
JobSearch find_job(const SourceTree& tree, const std::string& job_name, const std::string& workflow, FactFiles& files);

/// The variables of the step that runs the tests, where one job alone is meant; null: nobody knows.
const JobEnvironment* environment_of(const JobSearch& search);

}  // namespace ndr
