#pragma once
#include <string>
#include <utility>
#include <vector>

#include "analyzer/evidence/evidence.hpp"
#include "storage/attempt_folder.hpp"

namespace ndr {

/// What CI had and the runs here had not, or had otherwise; `here` is empty where it is missing.
struct CiDifference {
  std::string what;  // "variable ARCH_NAME", "test timeout", "workers", …
  std::string in_ci;
  std::string here;
  bool operator==(const CiDifference&) const = default;
};

/// Pure: in the order in which they are to be looked at (variables and limits first, which most often are why a failure
/// does not come; then how the test is run, what ran before it, the machine). `spec`: of a run of this campaign;
/// `script`: the text of run_test.sh, where what it names is taken for set, as its own value; `fingerprint`: HostRow.
/// Variables that hold secrets are left out.
std::vector<CiDifference> differences_from_ci(const Evidence& evidence, const AttemptSpec& spec,
                                              const std::string& script, const std::string& fingerprint);

}  // namespace ndr
