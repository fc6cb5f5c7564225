// The answer of the reader of test sources: slices, fixtures and origins, or a refusal that leaves no trace.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/assert.hpp"
#include "analyzer/utf8.hpp"
#include "storage/test_source_json.hpp"
#include "tests/fuzz/fuzz.hpp"

void ndr::fuzz_one(std::string_view input) {
  FactTree tree;
  const bool added = add_test_sources(input, tree).has_value();
  const std::string text = json_text(tree.take());
  NDR_ASSERT(is_utf8(text));
  if (!added) NDR_ASSERT(text == json_text(FactTree{}.take()));
  std::vector<Refusal> problems;
  const auto facts = test_facts_from(input, problems);
  test_shapes_from(input).has_value();
  NDR_ASSERT(facts.has_value() || !facts.error().field.empty() || !facts.error().reason.empty());
}
