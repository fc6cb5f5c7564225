#pragma once
#include <optional>
#include <string>
#include <vector>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/evidence/hypothesis.hpp"
#include "analyzer/job/case_settings.hpp"
#include "analyzer/job/job_search.hpp"
#include "analyzer/job/replication.hpp"
#include "analyzer/job/test_facts.hpp"
#include "analyzer/refusal.hpp"
#include "analyzer/stress/environment.hpp"

namespace ndr {

/// How the original is run again and again: by pytest, as a Google Test binary, or as CI's own command.
enum class StressKind { pytest, gtest, command };

/// What is known of a case when its files are written.
struct StressSources {
  std::string case_name;
  const Evidence& evidence;
  const CaseSettings& settings;
  std::string repository;  // as case.yaml has it: absolute, or relative to the case folder
  const TestFacts& test;
  const JobSearch& jobs;
  const std::vector<std::string>& job_files;
  const std::vector<NotReplicable>& not_replicable;
  const std::vector<Hypothesis>& hypotheses;
};

/// A decision for each thing that the files say; the texts are written from it.
struct StressPlan {
  StressKind kind = StressKind::pytest;
  std::string slug;  // of file names: [a-z0-9_]+
  std::vector<PlannedVariable> variables;
  std::string ci_root;
  int iterations = 50;
  std::string iterations_reason;
  int workers = 1;
  int timeout_s = 240;               // of one test, one process
  std::vector<std::string> options;  // CI's own for pytest, those that choose tests or reports left out
  std::string binary;                // gtest: relative to the checkout
  std::string filter;                // gtest: the failing test
  std::vector<std::string> command;  // command: its words
  // Names of the tests that the same process ran before it in CI, the last of them, in their order; for pytest and
  // Google Test.
  std::vector<std::string> predecessors;
};

/// Refuses a failure that nothing can be run for: none, one of the machine or the network, a test whose source is not
/// in the checkout, a command that lies outside of it or that a shell would act on.
Checked<StressPlan> plan_stress(const StressSources& sources);

}  // namespace ndr
