#include "storage/fact_tree.hpp"

#include <nlohmann/json.hpp>

namespace ndr {
namespace {

using Json = nlohmann::ordered_json;

std::string pointer_part(const std::string& name) {
  std::string part = "/";
  for (const char c : name)
    part += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return part;
}

}  // namespace

struct FactTree::State {
  Json tree = Json::object();
  Json origins = Json::object();
  Json problems = Json::array();
};

FactTree::FactTree() : state_(std::make_unique<State>()) {}
FactTree::~FactTree() = default;

void FactTree::put(const Path& path, const Json& value, const std::string& file, std::uint64_t line) {
  Json* node = &state_->tree;
  std::string pointer;
  for (const std::string& name : path) {
    if (!node->is_object()) *node = Json::object();
    node = &(*node)[name];
    pointer += pointer_part(name);
  }
  *node = value;
  if (!file.empty() && line > 0) state_->origins[pointer] = {{"file", file}, {"line", line}};
}

bool FactTree::has(const Path& path) const {
  const Json* node = &state_->tree;
  for (const std::string& name : path) {
    const auto member = node->find(name);
    if (member == node->end()) return false;
    node = &*member;
  }
  return true;
}

void FactTree::problem(const Refusal& refusal) {
  state_->problems.push_back({{"where", refusal.field}, {"reason", refusal.reason}, {"remedy", refusal.remedy}});
}

Json FactTree::take() {
  Json tree = std::move(state_->tree);
  tree["origins"] = std::move(state_->origins);
  tree["problems"] = std::move(state_->problems);
  return tree;
}

}  // namespace ndr
