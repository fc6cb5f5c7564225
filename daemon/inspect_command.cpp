#include "daemon/inspect_command.hpp"

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "analyzer/job/inspection.hpp"
#include "analyzer/job/workflow_steps.hpp"
#include "analyzer/printed_text.hpp"
#include "daemon/analyze_command.hpp"
#include "storage/checkout.hpp"
#include "storage/inspection_json.hpp"
#include "storage/test_source_json.hpp"
#include "supervisor/test_source.hpp"

namespace ndr {
namespace {

using Json = nlohmann::ordered_json;

std::string pointer_part(std::string_view name) {
  std::string part = "/";
  for (const char c : name)
    part += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return part;
}

// The origin of the value, or of the nearest list or object around it.
std::string place_of(const Json& origins, std::string pointer) {
  for (;;) {
    const auto found = origins.find(pointer);
    if (found != origins.end())
      return (*found)["file"].get<std::string>() + ":" + std::to_string((*found)["line"].get<std::uint64_t>());
    const auto slash = pointer.rfind('/');
    if (slash == std::string::npos || slash == 0) return "?";
    pointer.resize(slash);
  }
}

// One line a fact: its path, its value, where it was read.
void print_facts(const Json& node, const std::string& name, const std::string& pointer, const Json& origins,
                 std::ostream& out) {
  if (node.is_object() && !node.empty()) {
    for (const auto& [key, value] : node.items()) {
      std::string below = name;
      if (!below.empty()) below.append(" > ");
      print_facts(value, below.append(key), pointer + pointer_part(key), origins, out);
    }
    return;
  }
  if (node.empty() && node.is_structured()) return;
  const std::string text = node.is_string() ? node.get<std::string>() : json_text(node);
  out << printable(name) << ": " << printable(text) << "   [" << printable(place_of(origins, pointer)) << "]\n";
}

void print(const Json& tree, std::ostream& out) {
  for (const char* part : {"workflows", "test_configs", "tests"}) {
    if (tree.contains(part)) print_facts(tree[part], "", std::string{"/"} + part, tree["origins"], out);
  }
  for (const Json& problem : tree["problems"])
    out << "problem: " << printable(problem["where"].get<std::string>()) << ": "
        << printable(problem["reason"].get<std::string>()) << "; " << printable(problem["remedy"].get<std::string>())
        << '\n';
}

void ask_test_source(const TestSourceQuestion& question, FactTree& facts) {
  const auto answer = read_test_source(question);
  if (answer.has_error()) return facts.problem(answer.error());
  const auto added = add_test_sources(*answer, facts);
  if (added.has_error())
    facts.problem({"test source" + added.error().field, added.error().reason, "read the test by hand"});
}

// Without a test and a log: all tests, roughly. Each log's failing test in detail.
struct ReadLog {
  std::string name;
  Checked<Extraction> extraction;
};

// False where a log cannot be read or names no test.
bool inspect_tests(const InspectOptions& options, const std::vector<ReadLog>& logs, FactTree& facts) {
  bool all_named = true;
  if (options.test.empty() && options.workflow.empty())
    ask_test_source({options.repository, std::nullopt, {}, 0}, facts);
  for (const auto& [name, extraction] : logs) {
    if (extraction.has_error()) {
      facts.problem(extraction.error());
      all_named = false;
      continue;
    }
    TestSourceQuestion question = question_of(options.repository, extraction->evidence);
    if (!options.test.empty()) question.test = options.test;
    if (question.test)
      ask_test_source(question, facts);
    else
      facts.problem({name, "names no test", "name it with --test"});
    all_named = all_named && question.test;
  }
  if (!options.test.empty() && options.logs.empty()) ask_test_source({options.repository, options.test, {}, 0}, facts);
  return all_named;
}

// Whether something that was asked for by name is not there.
bool is_missing(const InspectOptions& options, const Json& all) {
  return (!options.workflow.empty() && all["workflows"].empty()) || (!options.test.empty() && all["tests"].empty());
}

}  // namespace

int inspect_command(const InspectOptions& options, std::ostream& out, std::ostream& err) {
  if (options.schema) {
    out << facts_schema() << std::flush;
    return out ? 0 : 2;
  }
  const auto tree = open_checkout(options.repository);
  if (tree.has_error()) {
    err << "ndreprod inspect: " << to_text(tree.error()) << '\n';
    return 2;
  }
  FactTree facts;
  Inspection found = inspect(*tree, options.workflow, options.job);
  // The failure's day decides what the limit was that nobody wrote down.
  std::vector<ReadLog> logs;
  for (const std::filesystem::path& log : options.logs)
    logs.push_back({log.string(), read_logs({log})});
  for (const auto& [name, extraction] : logs) {
    if (!extraction.has_value() || !extraction->evidence.failed_at) continue;
    for (JobFacts& job : found.jobs)
      date_defaults(job, extraction->evidence.failed_at->value);
  }
  add_inspection(found, facts);
  const bool logs_name_tests = inspect_tests(options, logs, facts);
  Json all = facts.take();
  for (const char* part : {"tests", "test_configs", "workflows"}) {
    if (!all.contains(part)) all[part] = Json::object();
  }
  const bool is_empty = all["tests"].empty() && all["test_configs"].empty() && all["workflows"].empty();
  const bool is_named = !options.workflow.empty() || !options.test.empty() || !options.logs.empty();
  if (is_empty && !is_named)
    all["problems"].push_back({{"where", options.repository.string()},
                               {"reason", "has no workflow in .github/workflows and no test"},
                               {"remedy", "give the folder that holds .github"}});
  if (options.json)
    out << dump_json(all);
  else
    print(all, out);
  out.flush();
  if (!out) return 2;
  return is_empty || !logs_name_tests || is_missing(options, all) ? 1 : 0;
}

}  // namespace ndr
