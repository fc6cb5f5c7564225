#include "storage/test_source_json.hpp"

#include <nlohmann/json.hpp>

namespace ndr {
namespace {

using nlohmann::json;

std::string unescaped(std::string_view part) {
  std::string name;
  for (std::size_t i = 0; i < part.size(); ++i) {
    const bool escape = part[i] == '~' && i + 1 < part.size();
    name += escape ? (part[++i] == '1' ? '/' : '~') : part[i];
  }
  return name;
}

FactTree::Path path_of(std::string_view pointer) {
  FactTree::Path path;
  while (pointer.starts_with('/')) {
    pointer.remove_prefix(1);
    const auto slash = pointer.find('/');
    path.push_back(unescaped(pointer.substr(0, slash)));
    pointer.remove_prefix(std::min(slash, pointer.size()));
  }
  return path;
}

// The member of objects within objects; null where there is none.
const json* member_at(const json& whole, const FactTree::Path& path) {
  const json* node = &whole;
  for (const std::string& name : path) {
    const auto member = node->find(name);
    if (member == node->end()) return nullptr;
    node = &*member;
  }
  return node;
}

std::optional<Refusal> wrong_form(const json& answer) {
  const auto is = [&](const char* name, json::value_t type) {
    const auto found = answer.find(name);
    return found != answer.end() && found->type() == type;
  };
  if (!answer.is_object()) return Refusal{"", "must be an object", ""};
  if (!is("tests", json::value_t::object)) return Refusal{"/tests", "must be an object", ""};
  if (!is("origins", json::value_t::object)) return Refusal{"/origins", "must be an object", ""};
  if (!is("problems", json::value_t::array)) return Refusal{"/problems", "must be an array", ""};
  for (const auto& [pointer, origin] : answer["origins"].items()) {
    JsonFields fields{origin, "/origins"};
    if (!origin.is_object()) return Refusal{"/origins", "must hold objects", ""};
    std::string file;
    std::uint64_t line = 0;
    fields.text("file", file);
    fields.natural("line", line);
    if (auto refusal = fields.refusal()) return refusal;
    if (!pointer.starts_with("/tests/") || member_at(answer, path_of(pointer)) == nullptr)
      return Refusal{"/origins", "names what is not there: " + pointer.substr(0, 200), ""};
  }
  return std::nullopt;
}

std::optional<Refusal> read_problems(const json& problems, std::vector<Refusal>& out) {
  for (const json& problem : problems) {
    if (!problem.is_object()) return Refusal{"/problems", "must hold objects", ""};
    JsonFields fields{problem, "/problems"};
    Refusal& one = out.emplace_back();
    fields.text("where", one.field);
    fields.text("reason", one.reason);
    fields.text("remedy", one.remedy);
    if (auto refusal = fields.refusal()) return refusal;
  }
  return std::nullopt;
}

std::string text_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::uint64_t number_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::vector<std::string> texts_in(const json& object, const char* name) {
  std::vector<std::string> texts;
  const auto list = object.find(name);
  for (const json& text : list != object.end() && list->is_array() ? *list : json::array()) {
    if (text.is_string()) texts.push_back(text.get<std::string>());
  }
  return texts;
}

bool flag_in(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::optional<StressCode> stress_of(const json& said) {
  const auto found = said.find("stress");
  if (found == said.end() || !found->is_object()) return std::nullopt;
  StressCode stress;
  stress.is_slice = text_in(*found, "strategy") == "slice";
  stress.unsupported = text_in(*found, "unsupported");
  stress.reasons = texts_in(*found, "reasons");
  stress.base = text_in(*found, "base");
  stress.code = text_in(*found, "code");
  stress.conftests = texts_in(*found, "conftests");
  stress.options = texts_in(*found, "options");
  stress.import_folder = text_in(*found, "import_folder");
  stress.pytest_settings = text_in(*found, "pytest_settings");
  stress.opened_once = flag_in(*found, "opened_once");
  stress.statements_kept = number_in(*found, "statements_kept");
  stress.statements = number_in(*found, "statements");
  return stress;
}

const json& object_in(const json& object, const char* name) {
  static const json none = json::object();
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? *found : none;
}

std::map<std::string, std::vector<std::string>> values_in(const json& object, const char* name) {
  std::map<std::string, std::vector<std::string>> values;
  const json& given = object_in(object, name);
  for (auto one = given.begin(); one != given.end(); ++one)
    values[one.key()] = texts_in(given, one.key().c_str());
  return values;
}

TestShape shape_of(const json& said) {
  TestShape shape;
  shape.path = text_in(said, "path");
  shape.name = text_in(said, "name");
  shape.line = number_in(said, "line");
  shape.fixture_kind = text_in(said, "fixture_kind");
  shape.fixtures = texts_in(said, "fixtures");
  shape.own_fixture = text_in(said, "own_fixture");
  shape.marks = texts_in(said, "marks");
  shape.set_up = values_in(said, "set_up");
  shape.values = values_in(said, "values");
  const auto opens = said.find("opens");
  if (opens != said.end() && opens->is_object()) {
    auto& opened = shape.opened.emplace();
    for (auto argument = opens->begin(); argument != opens->end(); ++argument)
      opened[argument.key()] = text_in(*opens, argument.key().c_str());
  }
  shape.uses = texts_in(said, "uses");
  shape.operations = texts_in(said, "operations");
  shape.loops = texts_in(said, "loops");
  const auto hides = said.find("hides");
  for (const json& place : hides != said.end() && hides->is_array() ? *hides : json::array())
    shape.hides.push_back({number_in(place, "line"), text_in(place, "text")});
  const auto repeats = said.find("repeats");
  shape.repeats = std::nullopt;
  if (repeats != said.end() && repeats->is_number_unsigned()) shape.repeats = repeats->get<std::uint64_t>();
  shape.takes_helpers = flag_in(said, "takes_helpers");
  shape.runs_original = flag_in(said, "runs_original");
  return shape;
}

TestFacts facts_of(const std::string& file, const std::string& function, const json& said) {
  TestFacts facts;
  facts.file = file;
  facts.function = function;
  facts.line = number_in(said, "line");
  facts.fixture_kind = text_in(said, "fixture_kind");
  facts.failing_statement = text_in(said, "failing_statement");
  facts.failing_line = number_in(said, "failing_line");
  facts.stress = stress_of(said);
  if (const auto shape = said.find("shape"); shape != said.end()) facts.shape = shape_of(*shape);
  const auto slice = said.find("slice");
  if (slice == said.end() || !slice->is_object()) return facts;
  facts.statements_kept = number_in(*slice, "kept");
  facts.statements = number_in(*slice, "of");
  facts.unsafe = texts_in(*slice, "unsafe");
  return facts;
}

}  // namespace

Checked<TestFacts> test_facts_from(std::string_view text, std::vector<Refusal>& problems) {
  const auto answer = parse_json(text, 64);
  if (answer.has_error()) return answer.error();
  if (auto refusal = wrong_form(*answer)) return *refusal;
  if (auto refusal = read_problems((*answer)["problems"], problems)) return *refusal;
  TestFacts facts;
  std::vector<std::string> candidates;
  for (const auto& [file, content] : (*answer)["tests"].items()) {
    const auto functions = content.find("functions");
    if (functions == content.end() || !functions->is_object() || functions->empty()) continue;
    candidates.push_back(file);
    if (!facts.file.empty()) continue;
    facts = facts_of(file, functions->begin().key(), functions->begin().value());
    facts.framework = text_in(content, "framework");
  }
  facts.candidates = std::move(candidates);
  return facts;
}

Checked<std::vector<TestShape>> test_shapes_from(std::string_view text) {
  const auto answer = parse_json(text, 64);
  if (answer.has_error()) return answer.error();
  const auto list = answer->find("shapes");
  if (list == answer->end() || !list->is_array()) return Refusal{"/shapes", "must be an array", ""};
  std::vector<TestShape> shapes;
  for (const json& shape : *list) {
    if (!shape.is_object()) return Refusal{"/shapes", "must hold objects", ""};
    shapes.push_back(shape_of(shape));
  }
  return shapes;
}

Checked<void> add_test_sources(std::string_view text, FactTree& tree) {
  const auto answer = parse_json(text, 64);
  if (answer.has_error()) return answer.error();
  std::vector<Refusal> problems;
  if (auto refusal = wrong_form(*answer)) return *refusal;
  if (auto refusal = read_problems((*answer)["problems"], problems)) return *refusal;
  for (const auto& [pointer, origin] : (*answer)["origins"].items()) {
    const FactTree::Path path = path_of(pointer);
    const json& value = *member_at(*answer, path);
    // Members have origins of their own: an object that is there already keeps what it has.
    if (value.is_object() && tree.has(path)) continue;
    tree.put(path, ordered_json_from(json_text(value)), origin["file"].get<std::string>(),
             origin["line"].get<std::uint64_t>());
  }
  for (const Refusal& problem : problems)
    tree.problem(problem);
  return {};
}

}  // namespace ndr
