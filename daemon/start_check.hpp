#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "analyzer/evidence/signal_matcher.hpp"
#include "analyzer/refusal.hpp"
#include "supervisor/settings.hpp"

namespace ndr {

/// What the configuration names on this host, looked at before anything is made: the state folder is on a local disk,
/// and the rule packs can be read. Returns the built-in rules and theirs, compiled.
Checked<std::shared_ptr<const SignalRuleSet>> check_start(const Settings& settings);

/// Refuses a state folder on a network file system, where locks may be forgotten and SQLite's WAL is not safe.
/// `network` is that file system's name, nothing for a local one.
std::optional<Refusal> refuse_state_on(std::optional<std::string_view> network, const std::filesystem::path& folder);

}  // namespace ndr
