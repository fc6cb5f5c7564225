#include "storage/inspection_json.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "analyzer/evidence/text.hpp"
#include "storage/fact_writer.hpp"
#include "storage/job_json.hpp"

namespace ndr {

const std::map<std::string, std::string_view>& facts_schema_files();  // embedded

namespace {

void write_configured(const ConfiguredTest& test, const FactWriter& put) {
  const FactPath base{"test_configs", test.file, test.key};
  put(base, FactJson::object(), test.origin);
  if (test.tests.size() == 1)
    put(below(base, "command"), test.tests.front().command.text, test.tests.front().command.origin);
  if (test.tests.size() != 1) {
    FactJson commands = FactJson::array();
    for (const TestCommand& run : test.tests)
      commands.push_back(run.command.text);
    put(below(base, "command"), test.tests.empty() ? FactJson(nullptr) : commands, test.origin);
  }
  put(below(base, "env"), FactJson::object(), test.origin);
  for (const auto& [name, variable] : test.environment)
    put(below(below(base, "env"), name), variable.value.text, variable.value.origin);
  const FactPath timeouts = below(base, "timeouts");
  put(timeouts, FactJson::object(), test.origin);
  for (const TestCommand& run : test.tests) {
    const auto limit = option_value(run.command.text, "--timeout");
    const auto seconds = limit ? to_decimal(*limit) : std::nullopt;
    if (seconds) put(below(timeouts, "pytest_s"), number_json(*seconds), run.command.origin);
    if (run.command.limit_s) put(below(timeouts, "command_s"), number_json(*run.command.limit_s), run.command.origin);
    if (run.loop > 1) put(below(base, "loop"), run.loop, run.command.origin);
    if (run.function) put(below(base, "function"), run.function->value, run.function->origin);
  }
  // "" is for all of them; beside limits of their own it is that of the others.
  const FactPath step_min = below(timeouts, "step_min");
  for (const auto& [sku, minutes] : test.minutes) {
    const bool alone = sku.empty() && test.minutes.size() == 1;
    const FactPath path = alone ? step_min : below(step_min, sku.empty() ? "others" : sku);
    put(path, number_json(minutes.value), minutes.origin);
  }
  if (!test.skus.empty()) put(below(base, "skus"), test.skus, test.origin);
  for (const auto& [name, value] : test.labels)
    put(below(below(base, "labels"), name), value.value, value.origin);
}

}  // namespace

void add_inspection(const Inspection& inspection, FactTree& tree) {
  const FactWriter put{inspection.files.paths(), tree};
  for (const JobFacts& job : inspection.jobs)
    write_job(job, put);
  for (const ConfiguredTest& test : inspection.configured)
    write_configured(test, put);
  for (const Refusal& problem : inspection.files.problems)
    tree.problem(problem);
}

std::string_view facts_schema() { return facts_schema_files().at("facts.schema.json"); }

}  // namespace ndr
