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
    if (!answer.contains(json::json_pointer(pointer)))
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

}  // namespace

Checked<void> add_test_sources(std::string_view text, FactTree& tree) {
  const auto answer = parse_json(text, 64);
  if (answer.has_error()) return answer.error();
  std::vector<Refusal> problems;
  if (auto refusal = wrong_form(*answer)) return *refusal;
  if (auto refusal = read_problems((*answer)["problems"], problems)) return *refusal;
  for (const auto& [pointer, origin] : (*answer)["origins"].items()) {
    const json& value = (*answer)[json::json_pointer(pointer)];
    const FactTree::Path path = path_of(pointer);
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
