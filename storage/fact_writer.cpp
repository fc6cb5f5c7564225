#include "storage/fact_writer.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "analyzer/evidence/text.hpp"

namespace ndr {

FactPath below(FactPath path, const std::string& name) {
  path.push_back(name);
  return path;
}

FactJson number_json(double number) {
  constexpr double most = 1e15;  // whole numbers up to there are exact
  const bool is_whole = number > -most && number < most && number == std::floor(number);
  return is_whole ? FactJson(static_cast<std::int64_t>(number)) : FactJson(number);
}

FactJson plain_json(const std::string& text) {
  const auto number = to_decimal(text);
  FactJson value = number ? number_json(*number) : FactJson(text);
  return number && json_text(value) == text ? value : FactJson(text);
}

// A limit: "5.0" is 5.
static FactJson limit_json(const std::string& text) {
  const auto number = to_decimal(text);
  return number ? number_json(*number) : FactJson(text);
}

FactJson shown_json(const WorkflowText& text) {
  const bool unknown = contains(text.text, "${{");
  const bool has_default = unknown && text.with_defaults != text.text && !contains(text.with_defaults, "${{");
  return has_default ? FactJson(text.text + " (default " + text.with_defaults + ")") : limit_json(text.text);
}

FactJson yaml_json(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::null) return nullptr;
  if (node.is_list()) {
    FactJson list = FactJson::array();
    std::transform(node.items.begin(), node.items.end(), std::back_inserter(list), yaml_json);
    return list;
  }
  if (node.is_map()) {
    FactJson object = FactJson::object();
    for (const auto& [key, value] : node.members)
      object[key.text] = yaml_json(value);
    return object;
  }
  if (node.quoted) return contains(node.text, "\n") ? FactJson(std::string{trim_end(node.text)}) : FactJson(node.text);
  if (node.text == "true" || node.text == "false") return node.text == "true";
  return plain_json(node.text);
}

void FactWriter::operator()(const FactPath& path, const FactJson& value, const Origin& origin) const {
  const bool known = origin.line > 0 && origin.file < files_.size();
  tree_.put(path, value, known ? files_[origin.file] : std::string{}, origin.line);
}

struct ByRow::Value {
  std::string row;
  FactJson value;
  Origin origin;
};

ByRow::ByRow() = default;
ByRow::ByRow(ByRow&&) noexcept = default;
ByRow& ByRow::operator=(ByRow&&) noexcept = default;
ByRow::~ByRow() = default;

void ByRow::add(const std::string& row, FactJson value, const Origin& origin) {
  values_.push_back({row, std::move(value), origin});
}

bool ByRow::empty() const { return values_.empty(); }

bool ByRow::same() const {
  return std::all_of(values_.begin(), values_.end(), [&](const Value& v) { return v.value == values_[0].value; });
}

bool ByRow::all_null() const {
  return std::all_of(values_.begin(), values_.end(), [](const Value& v) { return v.value.is_null(); });
}

void ByRow::write(const FactPath& path, const FactWriter& put) const {
  if (!values_.empty() && same()) return put(path, values_[0].value, values_[0].origin);
  for (const Value& value : values_)
    put(below(path, value.row), value.value, value.origin);
}

}  // namespace ndr
