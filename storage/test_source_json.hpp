#pragma once
#include <string_view>

#include "storage/fact_tree.hpp"

namespace ndr {

/// Adds the answer of scripts/read_test_source.py to the tree: its `tests`, their origins, and its problems. What the
/// tree has of the same function already stays where the answer says nothing else. Refuses (field: JSON pointer) what
/// is not of that form; then the tree is as it was.
Checked<void> add_test_sources(std::string_view answer, FactTree& tree);

}  // namespace ndr
