#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/refusal.hpp"

namespace ndr {

/// What case.yaml may say; all optional.
struct CaseSettings {
  std::string repository;                                        // path of the checkout; relative: to the case folder
  std::string workflow;                                          // CI workflow file, relative to the checkout
  std::string job;                                               // name of the CI job
  std::vector<std::string> boards;                               // "0" for /dev/tenstorrent/0
  std::vector<std::pair<std::string, std::string>> environment;  // approved by whoever wrote the file, in its order
  std::vector<std::string> approved;  // variables of CI's that are exported although programs act on them
  bool operator==(const CaseSettings&) const = default;
};

/// Reads case.yaml: at most 64 KiB, 64 boards, 256 variables. Refuses (field `ORIGIN:LINE: KEY`) an unknown or doubled
/// key, a value of another form, a board that is no number, a variable that no shell could set. Empty text is no
/// setting at all.
Checked<CaseSettings> parse_case_settings(const std::string& yaml, const std::string& origin);

/// The text of case.yaml with the checkout's path in place of the one that it names, or behind what it says.
std::string with_repository(const std::string& yaml, const std::string& path);

/// The text of case.yaml with the variable among its `approved` ones; other lines stay as they are. Refuses a name that
/// no shell could set, and (field `ORIGIN:LINE`) a list that is not written one name to a line.
Checked<std::string> with_approval(const std::string& yaml, const std::string& variable, const std::string& origin);

}  // namespace ndr
