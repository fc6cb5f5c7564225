#pragma once
#include <memory>

#include "analyzer/evidence/signal_matcher.hpp"
#include "analyzer/refusal.hpp"
#include "supervisor/settings.hpp"

namespace ndr {

/// What the configuration names on this host, looked at before anything is made: the rule packs can be read. Returns
/// the built-in rules and theirs, compiled.
Checked<std::shared_ptr<const SignalRuleSet>> check_start(const Settings& settings);

}  // namespace ndr
