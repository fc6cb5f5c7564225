#include "analyzer/job/workflow_scope.hpp"

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

// "${{ a }}" -> "a"; a bare condition stays.
std::string_view without_braces(std::string_view text) {
  text = trim(text);
  return is_one_expression(text) ? trim(text.substr(3, text.size() - 5)) : text;
}

const YamlNode* walk(const YamlNode& from, const std::vector<std::string>& path) {
  const YamlNode* node = &from;
  for (std::size_t i = 1; i < path.size() && node != nullptr; ++i) {
    const auto index = to_number(path[i]);
    if (node->is_list())
      node = index && *index < node->items.size() ? &node->items[*index] : nullptr;
    else
      node = node->find(path[i]);
  }
  return node;
}

}  // namespace

void WorkflowScope::declare_inputs(const YamlNode* inputs) {
  if (inputs == nullptr || !inputs->is_map()) return;
  for (const auto& [name, input] : inputs->members) {
    if (const YamlNode* value = input.find("default")) defaults_[name.text] = *value;
  }
}

std::optional<ExpressionValue> WorkflowScope::input(const std::string& name, bool with_defaults) const {
  if (const auto given = given_.find(name); given != given_.end()) {
    const std::string& text = with_defaults ? given->second.with_defaults : given->second.text;
    if (with_defaults && contains(text, "${{")) return std::nullopt;
    return text_value(text);
  }
  const auto known = defaults_.find(name);
  if (known == defaults_.end()) return is_action_ ? std::optional{ExpressionValue{}} : std::nullopt;
  if (!is_action_ && !with_defaults) return std::nullopt;
  return known->second;
}

std::optional<ExpressionValue> WorkflowScope::look_up(const std::vector<std::string>& path, bool with_defaults) const {
  if (path.size() == 2 && path[0] == "inputs") return input(path[1], with_defaults);
  if (path.size() == 4 && path[0] == "github" && path[1] == "event" && path[2] == "inputs")
    return input(path[3], with_defaults);
  if (path.size() >= 2 && path[0] == "matrix" && row_ != nullptr && row_->known) {
    const YamlNode* node = walk(row_->values, path);
    if (node == nullptr) return ExpressionValue{};  // GitHub's empty text
    if (!node->is_scalar() || !contains(node->text, "${{")) return *node;
    // A row's value may itself be made of inputs.
    const ContextLookup inner = [this, with_defaults](const auto& other) -> std::optional<ExpressionValue> {
      return other.front() == "matrix" ? std::nullopt : look_up(other, with_defaults);
    };
    const ResolvedText resolved = resolve_text(node->text, inner);
    if (!resolved.complete && with_defaults) return std::nullopt;
    ExpressionValue value = *node;
    value.text = resolved.text;
    return value;
  }
  if (path.size() == 2 && path[0] == "env" && environment_ != nullptr) {
    const auto variable = environment_->find(path[1]);
    if (variable == environment_->end()) return std::nullopt;
    const std::string& text = with_defaults ? variable->second.value.with_defaults : variable->second.value.text;
    if (!contains(text, "${{")) return text_value(text);
  }
  return std::nullopt;
}

ContextLookup WorkflowScope::lookup(bool with_defaults) const {
  return [this, with_defaults](const std::vector<std::string>& path) { return look_up(path, with_defaults); };
}

std::string WorkflowScope::with_defaults(std::string_view text) const { return resolve_text(text, lookup(true)).text; }

WorkflowText WorkflowScope::text(const YamlNode& node) const {
  if (node.is_list() || node.is_map()) return list_text(node);
  return {resolve_text(node.text, lookup(false)).text, with_defaults(node.text), at(node.line)};
}

WorkflowText WorkflowScope::list_text(const YamlNode& node) const {
  if (node.is_scalar()) return text(node);
  WorkflowText all{"", "", at(node.line)};
  const auto add = [&](const WorkflowText& one) {
    all.text += (all.text.empty() ? "" : ", ") + one.text;
    all.with_defaults += (all.with_defaults.empty() ? "" : ", ") + one.with_defaults;
  };
  for (const YamlNode& item : node.items)
    add(text(item));
  for (const auto& [key, value] : node.members)
    add(list_text(value));
  return all;
}

bool WorkflowScope::may_run(std::string_view condition) const {
  if (trim(condition).empty()) return true;
  const auto value = evaluate(without_braces(condition), lookup(true));
  return !value || is_truthy(*value);
}

bool WorkflowScope::names_default(std::string_view text) const {
  for (const auto& path : named_paths(text)) {
    if (path.size() == 2 && path[0] == "inputs" && given_.count(path[1]) == 0 && defaults_.count(path[1]) > 0)
      return true;
  }
  return false;
}

const YamlNode* WorkflowScope::matrix_node(std::string_view text) const {
  if (row_ == nullptr || !row_->known || !is_one_expression(text)) return nullptr;
  const auto paths = named_paths(text);
  if (paths.size() != 1 || paths.front().front() != "matrix") return nullptr;
  return walk(row_->values, paths.front());
}

}  // namespace ndr
