#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/refusal.hpp"
#include "supervisor/shim/own_cgroup.hpp"

namespace ndr {

/// A process to be started: leader of a process group of its own, stdin /dev/null, stdout and stderr the open file
/// `output`, all signals at their default and none blocked, no other descriptors.
struct CommandStart {
  std::vector<std::string> command;  // [0] is the path
  std::filesystem::path working_folder;
  std::vector<std::pair<std::string, std::string>> environment;
  int output = -1;
  const OwnCgroup* cgroup = nullptr;  // where it shall begin; null: ours
};

struct StartedCommand {
  int pid = 0;
  bool in_cgroup = false;  // the host may let us make a cgroup and yet not use it
};

/// Returns when the command's program runs. Refuses with field "command" or "working_folder" and errno's text: a
/// program that could not be started is told apart from one that exits with 127.
Checked<StartedCommand> start_command(const CommandStart& start);

}  // namespace ndr
