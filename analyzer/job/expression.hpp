#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/job/yaml_tree.hpp"

namespace ndr {

/// What a `${{ }}` expression of GitHub Actions means: a YAML node (null, text, number or boolean as a scalar, list,
/// map). Source of the language: "Evaluate expressions in workflows and actions" of GitHub's documentation.
using ExpressionValue = YamlNode;

/// Looks up a context: {"inputs", "timeout"} -> its value; nothing where it is unknown here (`github.sha`, a
/// secret, an input that only a caller gives).
using ContextLookup = std::function<std::optional<ExpressionValue>(const std::vector<std::string>& path)>;

ExpressionValue text_value(std::string_view text);
ExpressionValue boolean_value(bool value);
/// As `if:` and `&&` see it: null, false, 0 and "" are false.
bool is_truthy(const ExpressionValue& value);
/// As it is written into a text.
std::string text_of_value(const ExpressionValue& value);

/// The value of one expression without its `${{ }}`; nothing where a part of it that matters is unknown, where it calls
/// a function that asks the runner (hashFiles, success), or where it is malformed. At most 4 KiB and 32 levels deep.
std::optional<ExpressionValue> evaluate(std::string_view expression, const ContextLookup& lookup);

/// A text in which every known `${{ }}` is replaced by its value, and every other one stays as it is.
struct ResolvedText {
  std::string text;
  bool complete = true;  // no expression stayed
};
ResolvedText resolve_text(std::string_view text, const ContextLookup& lookup);

/// The paths that the expressions of a text name: {{"inputs", "timeout"}, {"matrix", "row", "name"}}.
std::vector<std::vector<std::string>> named_paths(std::string_view text);
/// Whether the text is one expression and nothing else.
bool is_one_expression(std::string_view text);

}  // namespace ndr
