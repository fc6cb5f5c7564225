#include "analyzer/job/expression.hpp"

#include <algorithm>
#include <array>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::size_t longest_expression = 4096;
constexpr int deepest_expression = 32;

ExpressionValue number_value(double number) {
  ExpressionValue value = text_value(std::to_string(number));
  value.quoted = false;
  if (value.text.find('.') != std::string::npos) {
    value.text.erase(value.text.find_last_not_of('0') + 1);
    if (value.text.ends_with('.')) value.text.pop_back();
  }
  return value;
}

bool is_boolean(const ExpressionValue& value) {
  return value.is_scalar() && !value.quoted && (value.text == "true" || value.text == "false");
}

// For == and <: numbers where both sides are, else text without regard to case.
std::optional<double> number_of(const ExpressionValue& value) {
  if (value.kind == YamlNode::Kind::null) return 0;
  if (!value.is_scalar()) return std::nullopt;
  if (is_boolean(value)) return value.text == "true" ? 1 : 0;
  return value.text.empty() ? 0 : to_decimal(value.text);
}

bool is_equal(const ExpressionValue& a, const ExpressionValue& b) {
  const bool texts = a.is_scalar() && b.is_scalar();
  if (texts && to_lower(a.text) == to_lower(b.text)) return true;
  const bool both_quoted = texts && a.quoted && b.quoted;
  const auto left = number_of(a);
  const auto right = number_of(b);
  return !both_quoted && left && right && *left == *right;
}

using Unknown = std::optional<ExpressionValue>;  // nothing: unknown

class ExpressionReader {
public:
  ExpressionReader(std::string_view text, const ContextLookup& lookup) : text_(text), lookup_(lookup) {}

  Unknown read() {
    Unknown value = read_or();
    skip_blanks();
    return malformed_ || at_ != text_.size() ? std::nullopt : value;
  }
  const std::vector<std::vector<std::string>>& paths() const { return paths_; }

private:
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool take(std::string_view mark) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(mark)) return false;
    at_ += mark.size();
    return true;
  }
  Unknown fail() {
    malformed_ = true;
    return std::nullopt;
  }

  Unknown read_or() {
    if (++depth_ > deepest_expression) return fail();
    Unknown left = read_and();
    while (!malformed_ && take("||")) {
      Unknown right = read_and();
      if (!left) continue;  // unknown || x: it may be either
      if (!is_truthy(*left)) left = std::move(right);
    }
    --depth_;
    return left;
  }
  Unknown read_and() {
    Unknown left = read_comparison();
    while (!malformed_ && take("&&")) {
      Unknown right = read_comparison();
      if (left && is_truthy(*left)) left = std::move(right);
    }
    return left;
  }
  Unknown read_comparison() {
    Unknown left = read_unary();
    for (const std::string_view sign : {"==", "!=", "<=", ">=", "<", ">"}) {
      if (malformed_ || !take(sign)) continue;
      const Unknown right = read_unary();
      if (!left || !right) return std::nullopt;
      return boolean_value(compare_values(*left, *right, sign));
    }
    return left;
  }
  static bool compare_values(const ExpressionValue& left, const ExpressionValue& right, std::string_view sign) {
    if (sign == "==") return is_equal(left, right);
    if (sign == "!=") return !is_equal(left, right);
    const auto a = number_of(left);
    const auto b = number_of(right);
    if (!a || !b) return false;
    if (sign == "<") return *a < *b;
    if (sign == ">") return *a > *b;
    return sign == "<=" ? *a <= *b : *a >= *b;
  }
  Unknown read_unary() {
    skip_blanks();
    if (!text_.substr(at_).starts_with("!=") && take("!")) {
      if (++depth_ > deepest_expression) return fail();
      const Unknown value = read_unary();
      --depth_;
      if (!value) return std::nullopt;
      return boolean_value(!is_truthy(*value));
    }
    if (take("(")) {
      Unknown value = read_or();
      return take(")") ? read_access(std::move(value)) : fail();
    }
    return read_primary();
  }
  Unknown read_primary() {
    skip_blanks();
    if (at_ >= text_.size()) return fail();
    const char c = text_[at_];
    if (c == '\'') return read_text();
    if (is_digit(c) || c == '-' || c == '+') return read_number();
    if (!is_word(c)) return fail();
    const std::string name = read_name();
    if (name == "true" || name == "false") return boolean_value(name == "true");
    if (name == "null") return ExpressionValue{};
    if (take("(")) return read_call(to_lower(name));
    return read_path(name);
  }
  Unknown read_text() {
    std::string text;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] != '\'') {
        text += text_[at_];
      } else if (text_.substr(at_ + 1).starts_with('\'')) {  // two quotes are one
        text += '\'';
        ++at_;
      } else {
        ++at_;
        return text_value(text);
      }
    }
    return fail();
  }
  Unknown read_number() {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '.'))
      ++at_;
    const auto number = to_decimal(text_.substr(begin, at_ - begin));
    return number ? Unknown{number_value(*number)} : fail();
  }
  std::string read_name() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '-'))
      ++at_;
    return std::string{text_.substr(begin, at_ - begin)};
  }
  // a.b['c'][0]
  Unknown read_path(const std::string& first) {
    std::vector<std::string> path{first};
    bool is_dynamic = false;
    for (;;) {
      if (take(".")) {
        if (take("*")) {
          is_dynamic = true;
          continue;
        }
        skip_blanks();
        path.push_back(read_name());
        if (path.back().empty()) return fail();
      } else if (take("[")) {
        if (++depth_ > deepest_expression) return fail();
        const Unknown index = read_or();
        --depth_;
        if (!take("]")) return fail();
        is_dynamic = is_dynamic || !index;
        path.push_back(index ? text_of_value(*index) : std::string{"*"});
      } else {
        break;
      }
    }
    paths_.push_back(path);
    return is_dynamic ? std::nullopt : lookup_(path);
  }
  // fromJSON('{"a": 1}').a
  Unknown read_access(Unknown value) {
    while (take(".") || (!malformed_ && text_.substr(at_).starts_with('['))) {
      std::string key;
      if (take("[")) {
        const Unknown index = read_or();
        if (!take("]")) return fail();
        if (index) key = text_of_value(*index);
      } else {
        key = read_name();
      }
      if (!value) continue;
      const YamlNode* member = value->find(key);
      const auto index = to_number(key);
      if (member == nullptr && value->is_list() && index && *index < value->items.size())
        member = &value->items[*index];
      value = member == nullptr ? ExpressionValue{} : ExpressionValue{*member};
    }
    return value;
  }
  Unknown read_call(const std::string& name) {
    if (++depth_ > deepest_expression) return fail();
    std::vector<Unknown> arguments;
    if (!take(")")) {
      do
        arguments.push_back(read_or());
      while (take(","));
      if (!take(")")) return fail();
    }
    --depth_;
    const bool known = std::all_of(arguments.begin(), arguments.end(), [](const Unknown& a) { return a.has_value(); });
    if (name == "always") return read_access(boolean_value(true));
    return read_access(known ? call(name, arguments) : std::nullopt);
  }
  static Unknown call(const std::string& name, const std::vector<Unknown>& arguments) {
    if (name == "tojson" && arguments.size() == 1) return to_json(*arguments[0]);
    if (name == "fromjson" && arguments.size() == 1) return from_json(text_of_value(*arguments[0]));
    if (name == "format" && !arguments.empty()) return format(arguments);
    if (name == "join" && !arguments.empty()) return join(arguments);
    if (arguments.size() != 2) return std::nullopt;
    const std::string whole = to_lower(text_of_value(*arguments[0]));
    const std::string part = to_lower(text_of_value(*arguments[1]));
    if (name == "startswith") return boolean_value(whole.starts_with(part));
    if (name == "endswith") return boolean_value(whole.ends_with(part));
    if (name != "contains") return std::nullopt;
    if (!arguments[0]->is_list()) return boolean_value(ndr::contains(whole, part));
    const auto& items = arguments[0]->items;
    return boolean_value(
        std::any_of(items.begin(), items.end(), [&](const auto& i) { return is_equal(i, *arguments[1]); }));
  }
  static Unknown from_json(const std::string& text) {
    // JSON is YAML's flow form.
    auto value = parse_yaml(text, "fromJSON");
    if (value.has_error()) return std::nullopt;
    return std::move(*value);
  }
  static Unknown to_json(const ExpressionValue& value) {
    if (value.is_map() || value.is_list()) return std::nullopt;
    if (!value.quoted || value.kind == YamlNode::Kind::null)
      return text_value(value.kind == YamlNode::Kind::null ? "null" : value.text);
    std::string text = "\"";
    for (const char c : value.text) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    return text_value(text + "\"");
  }
  static Unknown format(const std::vector<Unknown>& arguments) {
    const std::string pattern = text_of_value(*arguments[0]);
    std::string text;
    for (std::size_t i = 0; i < pattern.size() && text.size() < longest_expression; ++i) {
      const std::string_view rest = std::string_view{pattern}.substr(i);
      const auto number = rest.starts_with('{') ? leading_number(rest.substr(1)) : std::nullopt;
      if (rest.starts_with("{{") || rest.starts_with("}}")) {
        text += rest[0];
        ++i;
      } else if (number && *number + 1 < arguments.size() && rest.find('}') != std::string_view::npos) {
        text += text_of_value(*arguments[*number + 1]);
        i += rest.find('}');
      } else {
        text += rest[0];
      }
    }
    return text_value(text);
  }
  static Unknown join(const std::vector<Unknown>& arguments) {
    const std::string separator = arguments.size() > 1 ? text_of_value(*arguments[1]) : ",";
    std::string text;
    for (const YamlNode& item : arguments[0]->items)
      text += (text.empty() ? "" : separator) + text_of_value(item);
    return text_value(arguments[0]->is_list() ? text : text_of_value(*arguments[0]));
  }

  std::string_view text_;
  const ContextLookup& lookup_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool malformed_ = false;
  std::vector<std::vector<std::string>> paths_;
};

// Calls `plain(text)` and `expression(inside, whole)` in their order.
template <class Plain, class Expression>
void for_each_part(std::string_view text, Plain plain, Expression expression) {
  for (;;) {
    const auto begin = text.find("${{");
    const auto end = begin == std::string_view::npos ? begin : text.find("}}", begin);
    if (end == std::string_view::npos) return plain(text);
    plain(text.substr(0, begin));
    expression(trim(text.substr(begin + 3, end - begin - 3)), text.substr(begin, end + 2 - begin));
    text.remove_prefix(end + 2);
  }
}

}  // namespace

ExpressionValue text_value(std::string_view text) {
  ExpressionValue value;
  value.kind = YamlNode::Kind::scalar;
  value.text = text;
  value.quoted = true;
  return value;
}

ExpressionValue boolean_value(bool boolean) {
  ExpressionValue value = text_value(boolean ? "true" : "false");
  value.quoted = false;
  return value;
}

bool is_truthy(const ExpressionValue& value) {
  if (value.is_map() || value.is_list()) return true;
  if (value.kind == YamlNode::Kind::null || value.text.empty()) return false;
  return value.quoted || (value.text != "false" && value.text != "0");
}

std::string text_of_value(const ExpressionValue& value) {
  if (value.is_list()) return "Array";
  if (value.is_map()) return "Object";
  return value.kind == YamlNode::Kind::null ? std::string{} : value.text;
}

std::optional<ExpressionValue> evaluate(std::string_view expression, const ContextLookup& lookup) {
  if (expression.size() > longest_expression) return std::nullopt;
  return ExpressionReader{expression, lookup}.read();
}

ResolvedText resolve_text(std::string_view text, const ContextLookup& lookup) {
  ResolvedText resolved;
  const auto plain = [&](std::string_view part) { resolved.text += part; };
  const auto expression = [&](std::string_view inside, std::string_view whole) {
    const auto value = evaluate(inside, lookup);
    resolved.text += value ? text_of_value(*value) : std::string{whole};
    resolved.complete = resolved.complete && value.has_value();
  };
  for_each_part(text, plain, expression);
  return resolved;
}

std::vector<std::vector<std::string>> named_paths(std::string_view text) {
  std::vector<std::vector<std::string>> paths;
  const ContextLookup nothing = [](const auto&) { return std::nullopt; };
  const auto expression = [&](std::string_view inside, std::string_view) {
    if (inside.size() > longest_expression) return;
    ExpressionReader reader{inside, nothing};
    reader.read();
    paths.insert(paths.end(), reader.paths().begin(), reader.paths().end());
  };
  for_each_part(
      text, [](std::string_view) {}, expression);
  return paths;
}

bool is_one_expression(std::string_view text) {
  text = trim(text);
  return text.starts_with("${{") && text.find("}}") + 2 == text.size();
}

}  // namespace ndr
