#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/refusal.hpp"

namespace ndr {

struct YamlMember;

/// One node of a YAML document, with its place. Aliases are expanded (each counts), `<<` is merged, tags are ignored.
struct YamlNode {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  std::string text;     // of a scalar
  bool quoted = false;  // the scalar was quoted, or a block: text, whatever it looks like
  std::uint64_t line = 0;
  std::vector<YamlNode> items;                       // of a list
  std::vector<YamlMember> members;                   // of a map, in its order; keys are scalars
  const YamlNode* find(std::string_view key) const;  // of a map; null where there is none
  std::string text_of(std::string_view key) const;   // a scalar member's text, "" where there is none
  bool is_map() const { return kind == Kind::map; }
  bool is_list() const { return kind == Kind::list; }
  bool is_scalar() const { return kind == Kind::scalar; }
};

/// A key of a map, a plain text with its place, and its value.
struct YamlMember {
  YamlNode first;
  YamlNode second;
};

/// What one document may hold: what is beyond is refused while it is being read, so a hostile one costs no more.
struct YamlLimits {
  std::size_t bytes = std::size_t{1} << 20;
  std::size_t nodes = 50000;  // aliases expanded
  std::size_t bytes_of_copies = std::size_t{8} << 20;
  int depth = 64;
};

/// Reads the first document. Refuses (field `origin:LINE`) what is no YAML, is larger than the limits, has a key twice
/// in one map, or an alias within its own anchor. An empty document is a null node.
Checked<YamlNode> parse_yaml(std::string_view text, const std::string& origin, const YamlLimits& limits = {});

}  // namespace ndr
