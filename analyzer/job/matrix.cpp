#include "analyzer/job/matrix.hpp"

#include <algorithm>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

bool same_value(const YamlNode& a, const YamlNode& b) {
  if (a.kind != b.kind || a.text != b.text || a.items.size() != b.items.size() || a.members.size() != b.members.size())
    return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!same_value(a.items[i], b.items[i])) return false;
  }
  return std::all_of(a.members.begin(), a.members.end(), [&](const auto& member) {
    const YamlNode* other = b.find(member.first.text);
    return other != nullptr && same_value(member.second, *other);
  });
}

// A list as written, or the list that an expression means; nothing where nobody knows.
std::optional<std::vector<YamlNode>> list_of(const YamlNode& node, const ContextLookup& lookup) {
  if (node.is_list()) return node.items;
  if (!node.is_scalar() || !is_one_expression(node.text)) return std::vector{node};
  const std::string_view whole = trim(node.text);
  auto value = evaluate(trim(whole.substr(3, whole.size() - 5)), lookup);
  if (!value) return std::nullopt;
  if (!value->is_list()) return std::vector{*value};
  for (YamlNode& item : value->items)
    item.line = node.line;
  return value->items;
}

YamlNode key_node(const std::string& name, std::uint64_t line) {
  YamlNode key = text_value(name);
  key.line = line;
  return key;
}

void set(YamlNode& map, const YamlNode& key, const YamlNode& value) {
  const auto known =
      std::find_if(map.members.begin(), map.members.end(), [&](const auto& m) { return m.first.text == key.text; });
  if (known == map.members.end())
    map.members.push_back({key, value});
  else
    known->second = value;
}

bool fits(const YamlNode& combination, const YamlNode& wanted) {
  return std::all_of(wanted.members.begin(), wanted.members.end(), [&](const auto& member) {
    const YamlNode* value = combination.find(member.first.text);
    return value != nullptr && same_value(*value, member.second);
  });
}

// An include changes no axis of a combination that it is added to.
bool may_extend(const YamlNode& original, const YamlNode& include) {
  return std::all_of(include.members.begin(), include.members.end(), [&](const auto& member) {
    const YamlNode* axis = original.find(member.first.text);
    return axis == nullptr || same_value(*axis, member.second);
  });
}

void add_includes(const std::vector<YamlNode>& includes, std::vector<YamlNode>& rows) {
  const std::vector<YamlNode> originals = rows;
  for (const YamlNode& include : includes) {
    if (!include.is_map()) continue;
    bool added = false;
    for (std::size_t i = 0; i < originals.size(); ++i) {
      if (!may_extend(originals[i], include)) continue;
      for (const auto& [key, value] : include.members)
        set(rows[i], key, value);
      added = true;
    }
    if (!added && rows.size() < most_matrix_rows) rows.push_back(include);
  }
}

std::string value_word(const YamlNode& value) {
  if (!value.is_map()) return text_of_value(value);
  for (const char* member : {"name", "id", "label", "model", "arch"}) {
    if (std::string text = value.text_of(member); !text.empty()) return text;
  }
  return value.members.empty() ? std::string{} : text_of_value(value.members.front().second);
}

std::string key_of(const YamlNode& values, const std::vector<std::string>& axes) {
  std::string key;
  if (axes.empty() && !values.text_of("name").empty()) return values.text_of("name");
  for (const auto& [name, value] : values.members) {
    const bool is_axis = axes.empty() || std::find(axes.begin(), axes.end(), name.text) != axes.end();
    if (is_axis) key += (key.empty() ? "" : ", ") + value_word(value);
  }
  return key;
}

void number_equal_keys(std::vector<MatrixRow>& rows) {
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const auto same =
        static_cast<std::size_t>(std::count_if(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(i),
                                               [&](const auto& row) { return row.key == rows[i].key; }));
    if (same > 0) rows[i].key += " #" + std::to_string(same + 1);
  }
}

}  // namespace

std::vector<MatrixRow> matrix_rows(const YamlNode* matrix, const ContextLookup& lookup) {
  if (matrix == nullptr) return {MatrixRow{}};
  const MatrixRow unknown{"", {}, false};
  if (!matrix->is_map()) return {unknown};  // ${{ fromJSON(needs.x.outputs.y) }}
  YamlNode empty;
  empty.kind = YamlNode::Kind::map;
  empty.line = matrix->line;
  std::vector<YamlNode> combinations{empty};
  std::vector<std::string> axes;
  for (const auto& [name, axis] : matrix->members) {
    if (name.text == "include" || name.text == "exclude") continue;
    const auto values = list_of(axis, lookup);
    if (!values) return {unknown};
    axes.push_back(name.text);
    std::vector<YamlNode> product;
    for (const YamlNode& combination : combinations) {
      for (const YamlNode& value : *values) {
        if (product.size() >= most_matrix_rows) break;
        product.push_back(combination);
        set(product.back(), key_node(name.text, name.line), value);
      }
    }
    combinations = std::move(product);
  }
  if (axes.empty()) combinations.clear();
  const auto more = [&](const char* name) {
    const YamlNode* node = matrix->find(name);
    return node == nullptr ? std::optional{std::vector<YamlNode>{}} : list_of(*node, lookup);
  };
  const auto excludes = more("exclude");
  const auto includes = more("include");
  if (!includes || !excludes) return {unknown};
  std::erase_if(combinations, [&](const YamlNode& combination) {
    return std::any_of(excludes->begin(), excludes->end(),
                       [&](const auto& wanted) { return fits(combination, wanted); });
  });
  add_includes(*includes, combinations);
  std::vector<MatrixRow> rows;
  rows.reserve(combinations.size());
  for (YamlNode& combination : combinations)
    rows.push_back({key_of(combination, axes), std::move(combination), true});
  number_equal_keys(rows);
  return rows;
}

const YamlNode& row_members(const MatrixRow& row) {
  const bool single = row.values.members.size() == 1 && row.values.members.front().second.is_map();
  return single ? row.values.members.front().second : row.values;
}

}  // namespace ndr
