#pragma once
#include <vector>

#include "storage/process_identity.hpp"

namespace ndr {

/// All processes of the host that we can see, zombies too. Not a snapshot: they come and go meanwhile.
std::vector<ProcessStat> all_processes();

/// The live descendants of a process (zombies not counted, theirs are). As its subreaper we keep those whose parents
/// died, so for ourselves nothing that was ever started below is missing, whatever sessions it made.
std::vector<ProcessStat> live_descendants(int pid);

/// Sends a signal to exactly this process: through a pidfd whose process still has that start time. False when gone
/// (or not ours to signal).
bool signal_process(const ProcessStat& process, int signal);

}  // namespace ndr
