#pragma once
#include <string>
#include <vector>

#include "analyzer/refusal.hpp"
#include "storage/attempt_folder.hpp"
#include "supervisor/boards/reset_rules.hpp"
#include "supervisor/settings.hpp"

namespace ndr {

/// The argv that resets `board`; [0] is an absolute path. TT_SMI_RESET_COMMAND, where it is set, is the whole command
/// (words split at spaces). Refuses a program that cannot be found, with the remedy.
Checked<std::vector<std::string>> reset_command(const BoardSettings& settings, const std::string& board);

/// The first executable file of that name in PATH; the name itself where it holds a slash. Empty: there is none.
std::string find_program(const std::string& name);

/// What the shim is told; the reset has the daemon's own environment.
AttemptSpec reset_spec(const BoardSettings& settings, const AttemptFolder& folder, std::vector<std::string> command);

/// What a reset's folder shows of its end.
ResetObservation observe_end(const AttemptFolder& folder);

}  // namespace ndr
