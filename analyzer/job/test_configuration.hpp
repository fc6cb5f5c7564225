#pragma once
#include <map>
#include <string>
#include <vector>

#include "analyzer/job/job_facts.hpp"

namespace ndr {

/// One entry of a test-configuration file (`tests/**/*.yaml`: a list of {name, cmd, skus, ...}), with `{placeholders}`
/// of its command replaced by the entry's own values.
struct ConfiguredTest {
  std::string file;
  Origin origin;
  std::string key;  // its id, else its name; unique within the file
  MaybeSourced<std::string> name;
  std::vector<Sourced<std::string>> script;
  std::vector<TestCommand> tests;
  JobEnvironment environment;
  std::map<std::string, Sourced<double>> minutes;  // by SKU; "" for one that holds for all
  std::vector<std::string> skus;
  std::map<std::string, Sourced<std::string>> labels;  // its other plain values: team, owner_id, model, ...
};

/// Whether the document is such a file: a list of maps (or a map with one list of them, `tests:`), some with a `cmd`.
bool is_test_configuration(const YamlNode& document);

std::vector<ConfiguredTest> configured_tests(const SourceTree& tree, const std::string& path, const YamlNode& document,
                                             FactFiles& files);

}  // namespace ndr
