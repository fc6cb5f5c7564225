#pragma once
#include <signal.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ndr::hold {

/// Why a command cannot be traced, on one line with the remedy.
struct CannotTrace {
  std::string why;
};

/// A process that is traced and will run the command when it is resumed. `failures`: the reading end of a pipe that
/// gives an errno when it could not, and nothing when it did.
struct StartedCommand {
  pid_t pid = 0;
  int failures = -1;
};

/// What the command inherits though this program changes it for itself.
struct InheritedSignals {
  sigset_t mask{};
  bool ignores_children = false;
};

std::variant<StartedCommand, CannotTrace> start_command(const std::vector<std::string>& command, bool filters_calls,
                                                        const InheritedSignals& signals);

/// The errno with which the command could not be run; nothing where it could.
std::optional<int> failure_to_run(const StartedCommand& started);

}  // namespace ndr::hold
