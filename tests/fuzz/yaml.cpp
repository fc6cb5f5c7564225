// One YAML document: parsed within its limits, or refused with a reason; and read as a test configuration.
#include <string>
#include <string_view>

#include "analyzer/assert.hpp"
#include "analyzer/job/yaml_tree.hpp"
#include "analyzer/utf8.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

std::size_t nodes_of(const ndr::YamlNode& node) {
  NDR_ASSERT(node.is_list() || node.items.empty());
  NDR_ASSERT(node.is_map() || node.members.empty());
  std::size_t nodes = 1;
  for (const auto& item : node.items)
    nodes += nodes_of(item);
  for (const auto& [key, value] : node.members) {
    NDR_ASSERT(key.is_scalar() || key.kind == ndr::YamlNode::Kind::null);
    nodes += 1 + nodes_of(value);
  }
  return nodes;
}

}  // namespace

void ndr::fuzz_one(std::string_view input) {
  const YamlLimits small{.bytes = 8192, .nodes = 500, .bytes_of_copies = 10000, .depth = 16};
  const auto document = parse_yaml(input, "a.yaml", small);
  if (document.has_error()) {
    NDR_ASSERT(document.error().field.starts_with("a.yaml"));
    NDR_ASSERT(!document.error().reason.empty());
    return;
  }
  NDR_ASSERT(nodes_of(*document) <= 2 * small.nodes);
  // What is within small limits is the same within large ones.
  const auto again = parse_yaml(input, "a.yaml");
  NDR_ASSERT(again.has_value() && nodes_of(*again) == nodes_of(*document));
}
