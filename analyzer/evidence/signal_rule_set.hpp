#pragma once
// Inside of SignalRuleSet, for its own source and the matcher's; Vectorscan's and RE2's headers stay in
// those.
#include <cstddef>
#include <memory>
#include <vector>

#include "analyzer/evidence/signal_matcher.hpp"

struct hs_database;
struct hs_scratch;
namespace re2 {
class RE2;
}

namespace ndr {

/// What Vectorscan made of some of the rules; ids in it are indexes into all rules.
struct SignalRuleSet::Database {
  hs_database* patterns = nullptr;
  hs_scratch* scratch = nullptr;

  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();
};

struct SignalRuleSet::Compiled {
  std::vector<SignalRule> rules;
  std::vector<std::shared_ptr<const re2::RE2>> fields;  // null where a rule has none
  std::vector<bool> at_once;                            // handed over before the end of the line
  std::vector<bool> looks_ahead;                        // may depend on the byte behind a match
  std::vector<std::shared_ptr<const Database>> databases;

  Checked<void> add(std::vector<SignalRule> more);

private:
  Checked<void> compile_fields(std::size_t first);
  Checked<void> compile_patterns(std::size_t first);
};

}  // namespace ndr
