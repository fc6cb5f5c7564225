#pragma once
#include "supervisor/shim/options.hpp"

namespace ndr {

// One task of the shim each, from its input to its exit status (0 done, 1 could not be started, 2 bad input). Each
// throws std::system_error for a broken machine.

int run_or_reset(const ShimOptions& options, bool has_ready_fd);
/// `words` are those after `loop`.
int loop_command(const std::vector<std::string>& words);
int loop_slice(const ShimOptions& options);
int reap(const ShimOptions& options);
int probe();
int write_case_file();

}  // namespace ndr
