#pragma once
#include <cstdint>
#include <vector>

namespace ndr {

/// The CPUs that the calling thread may run on, ascending; empty where the kernel does not say.
std::vector<int> allowed_cpus();

/// Keeps the calling thread on one CPU; 0 or an errno value. Async-signal-safe.
int pin_to_cpu(int cpu);

/// Squeezes a process and all that it starts onto one CPU of those that it may use: the one that `draw` falls on
/// (modulo their number). For a forked child before its exec(): it only makes system calls, and returns 0 or an errno
/// value, with which the child may well go on unsqueezed.
int squeeze_onto_one_cpu(std::uint64_t draw);

}  // namespace ndr
