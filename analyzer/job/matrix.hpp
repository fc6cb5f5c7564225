#pragma once
#include <string>
#include <vector>

#include "analyzer/job/expression.hpp"
#include "analyzer/job/yaml_tree.hpp"

namespace ndr {

/// One job of a matrix. `key` names it among its neighbours: the `name` of its row where it has one, else its values.
struct MatrixRow {
  std::string key;
  YamlNode values;    // a map: axis -> value
  bool known = true;  // false: the matrix comes from where nobody here can look
};

/// The most jobs that GitHub makes of one matrix.
constexpr std::size_t most_matrix_rows = 256;

/// The jobs of `strategy.matrix` as GitHub combines them: the product of the axes, less `exclude`, then each `include`
/// added to the combinations whose axes it does not change, or else as one of its own. Axes may be expressions
/// (`fromJSON('[...]')`). No matrix: one row without values and with an empty key. Source: "Running variations of jobs
/// in a workflow" of GitHub's documentation.
std::vector<MatrixRow> matrix_rows(const YamlNode* matrix, const ContextLookup& lookup);

/// The row's one map of values where the matrix has a single axis of maps (`test-group`), else the values themselves.
const YamlNode& row_members(const MatrixRow& row);

}  // namespace ndr
