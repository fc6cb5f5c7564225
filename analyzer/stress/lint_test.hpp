#pragma once
#include <vector>

#include "analyzer/stress/lint.hpp"

namespace ndr {

/// The rules of lint() that speak of the stress test itself; `longest_s` is how long a run may take.
void lint_tests(const LintSources& sources, double longest_s, std::vector<LintFinding>& findings);

}  // namespace ndr
