#pragma once
#include <pthread.h>

#include <cstdint>

#include "supervisor/arms/noise/settings.hpp"

namespace ndr::noise {

/// Priorities drawn at random and changed at few random points find a bug of depth d with a known chance (PCT:
/// Burckhardt and others, ASPLOS 2010; d = 3 here). Ours are those of SCHED_FIFO: 20 to 49 for a thread from its start,
/// 2 and then 1 for the one that passes a change point. For them to be strict, the process stays on one CPU.
///
/// For native programs only: one that spins until another thread is done waits for ever where that one is below it;
/// that a thread goes down to 1 when it yields helps those that yield. What a process executes anew has no priority,
/// but stays on the CPU.

/// Takes the calling thread of a process that has no other in; draws the CPU and the change points. Where SCHED_FIFO is
/// refused, or nothing limits the time of those priorities (/proc/sys/kernel/sched_rt_runtime_us), nothing is done,
/// here and in the functions below.
void begin_pct(const NoiseSettings& settings, std::uint64_t seed);

/// For a thread to be made: its priority, and the attributes with it; 0 where it has none of ours. Those that were
/// given are copied; a thread that was to have a scheduling of its own keeps that.
int give_priority(const pthread_attr_t* given, pthread_attr_t& attributes);

/// In a thread that was made with it: what the thread forks shall not have it.
void keep_priority(int priority);

void pass_pct_point();
void pass_pct_yield();

}  // namespace ndr::noise
