#pragma once
#include <string_view>
#include <vector>

#include "analyzer/job/test_facts.hpp"
#include "storage/fact_tree.hpp"

namespace ndr {

/// Adds the answer of scripts/read_test_source.py to the tree: its `tests`, their origins, and its problems. What the
/// tree has of the same function already stays where the answer says nothing else. Refuses (field: JSON pointer) what
/// is not of that form; then the tree is as it was.
Checked<void> add_test_sources(std::string_view answer, FactTree& tree);

/// What the answer says of the one test that was asked for; its problems are added to `problems`. Of several candidates
/// the first, and all are named. Empty facts where the test was found nowhere. Refuses like the other.
Checked<TestFacts> test_facts_from(std::string_view answer, std::vector<Refusal>& problems);

/// The stress tests of an answer that was asked for their shapes. Refuses (field: JSON pointer) what is not of that
/// form.
Checked<std::vector<TestShape>> test_shapes_from(std::string_view answer);

}  // namespace ndr
