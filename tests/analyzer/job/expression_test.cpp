#include "analyzer/job/expression.hpp"

#include <map>
#include <string>

#include "tests/support/catch.hpp"

namespace {

std::optional<ndr::ExpressionValue> look_up(const std::vector<std::string>& path) {
  static const std::map<std::vector<std::string>, ndr::ExpressionValue> known{
      {{"inputs", "fast"}, ndr::boolean_value(true)},
      {{"inputs", "slow"}, ndr::boolean_value(false)},
      {{"inputs", "name"}, ndr::text_value("Pump")},
      {{"inputs", "empty"}, ndr::ExpressionValue{}}};
  const auto found = known.find(path);
  return found == known.end() ? std::nullopt : std::optional{found->second};
}

std::string value(const std::string& expression) {
  const auto result = ndr::evaluate(expression, look_up);
  return result ? ndr::text_of_value(*result) : "(unknown)";
}

}  // namespace

TEST_CASE("operators work as GitHub documents them") {
  CHECK(value("inputs.fast && 'a' || 'b'") == "a");
  CHECK(value("inputs.slow && 'a' || 'b'") == "b");
  CHECK(value("!inputs.slow") == "true");
  CHECK(value("inputs.name == 'pump'") == "true");
  CHECK(value("inputs.name != 'pump'") == "false");
  CHECK(value("(1 < 2) && (3 >= 3)") == "true");
  CHECK(value("inputs.empty || 'fallback'") == "fallback");
  CHECK(value("'it''s'") == "it's");
  CHECK(value("'2' == 2") == "true");
  CHECK(value("inputs['name']") == "Pump");
}

TEST_CASE("functions of known arguments are computed") {
  CHECK(value("format('{0} of {1}', inputs.name, 3)") == "Pump of 3");
  CHECK(value("contains('a long word', 'LONG')") == "true");
  CHECK(value("contains(fromJSON('[\"a\", \"b\"]'), 'b')") == "true");
  CHECK(value("startsWith(inputs.name, 'pu')") == "true");
  CHECK(value("endsWith(inputs.name, 'x')") == "false");
  CHECK(value("fromJSON('{\"a\": [5, 6]}').a[1]") == "6");
  CHECK(value("join(fromJSON('[1, 2]'), '-')") == "1-2");
  CHECK(value("toJSON(inputs.name)") == "\"Pump\"");
}

TEST_CASE("what only the runner knows stays unknown, and makes unknown what depends on it") {
  CHECK(value("github.sha") == "(unknown)");
  CHECK(value("github.ref == 'x' && 'a' || 'b'") == "(unknown)");
  CHECK(value("inputs.slow && github.sha") == "false");
  CHECK(value("hashFiles('x')") == "(unknown)");
  CHECK(value("success()") == "(unknown)");
}

TEST_CASE("malformed and hostile expressions are unknown") {
  for (const std::string& text :
       {std::string{"inputs."}, std::string{"'open"}, std::string{"1 +"}, std::string{"(1"}, std::string{""},
        std::string(100, '('), std::string(100000, '!'), std::string("a b")}) {
    INFO(text.substr(0, 20));
    CHECK(value(text) == "(unknown)");
  }
}

TEST_CASE("a text keeps the expressions that are unknown") {
  const auto resolved = ndr::resolve_text("run ${{ inputs.name }} at ${{ github.sha }} ${{ open", look_up);
  CHECK(resolved.text == "run Pump at ${{ github.sha }} ${{ open");
  CHECK_FALSE(resolved.complete);
  CHECK(ndr::is_one_expression(" ${{ matrix.a }} "));
  CHECK_FALSE(ndr::is_one_expression("${{ a }} and ${{ b }}"));
  const auto paths = ndr::named_paths("x ${{ matrix.row.cmd || inputs.other }}");
  REQUIRE(paths.size() == 2);
  CHECK(paths[0] == std::vector<std::string>{"matrix", "row", "cmd"});
}
