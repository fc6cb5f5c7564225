#pragma once
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/attempt_folder.hpp"
#include "supervisor/ports.hpp"
#include "supervisor/settings.hpp"

namespace ndr {

using Environment = std::vector<std::pair<std::string, std::string>>;

/// What every run gets of our own environment (`own` reads it): PATH, HOME, LANG, USER, SHELL and TMPDIR where set,
/// with defaults for the first three; TERM=dumb and PYTHONUNBUFFERED=1, so that output comes plain and at once.
Environment base_environment(const std::function<std::optional<std::string>(const char*)>& own);
/// Of this process.
Environment base_environment();

/// The order as the shim gets it. A later source wins: base, the case's approved variables, the arm's, then
/// NDREPRO_CASE, NDREPRO_ATTEMPT and NDREPRO_SEED, which a script that runs `alone` does not get. Where a device
/// timeout is wanted and nothing sets the operation timeout, CI's default is set: without one the runtime never gives
/// up.
AttemptSpec spec_for(const AttemptOrder& order, const Settings& settings, const ScriptForm& script,
                     const Environment& base);

/// When silence or idle output of this run is a stall: the configured limits, the start-up's below the deadline by
/// 60 s (or half of it); in mid-run never before the runtime's own watchdog, and never at all where a test timeout
/// is wanted, which is silence until it fires.
StallSettings stall_limits(const StallSettings& configured, const AttemptSpec& spec, FailureType wanted);

}  // namespace ndr
