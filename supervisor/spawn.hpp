#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "storage/unique_fd.hpp"

namespace ndr {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

/// Both ends close-on-exec, the read end non-blocking.
Pipe make_pipe();

/// An anonymous file that holds `bytes`, its position at the start; close-on-exec.
UniqueFd memory_file(const char* name, std::string_view bytes);

/// The first `limit` bytes of a file that can be sought, whatever its position.
std::string read_start(const UniqueFd& file, std::size_t limit);

/// What the new process has as fds 0 to 3; -1 means /dev/null (0 to 2) or none (3). It has no others.
struct SpawnFds {
  int input = -1;
  int output = -1;
  int error = -1;
  int ready = -1;
};

struct Spawned {
  int pid = 0;
  UniqueFd pidfd;
};

/// Starts a program in a session of its own, all signals at their default and none blocked, with our environment.
/// By posix_spawn, whose cost does not grow with our memory. The caller reaps it. Throws std::system_error.
Spawned spawn(const std::filesystem::path& program, const std::vector<std::string>& arguments, const SpawnFds& fds);

/// A handle of a live process; empty where there is none of that pid.
UniqueFd open_pidfd(int pid);

/// By the handle, so that a pid used again is never hit; false when it is gone.
bool send_signal(int pidfd, int number);

}  // namespace ndr
