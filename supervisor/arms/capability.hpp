#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "supervisor/arms/preempt/preempter.hpp"

namespace ndr {

/// Whether an arm can work on this host as this account. `why`: what is missing and how to get it; where the arm is
/// available, what is weaker than elsewhere, mostly nothing.
struct Capability {
  std::string arm;
  bool available = false;
  std::string why;
  bool operator==(const Capability&) const = default;
};

/// The arms' files, beside the shim.
struct ArmPaths {
  std::filesystem::path noise_library;  // libndrepro-noise.so
  std::filesystem::path hold_program;   // ndrepro-hold
};

/// What one of them did when it was tried.
struct ArmTrial {
  bool is_there = false;
  bool works = false;
  std::string said;  // where it does not work: one line, maybe none
};

/// What was seen of the host.
struct ArmTraits {
  ArmTrial noise;
  ArmTrial hold;
  PreemptClass preempt = PreemptClass::plain;
  bool limits_real_time = false;  // no SCHED_FIFO thread can keep a CPU for ever
  std::size_t cpus = 0;           // that we may use
};

/// Loads the library into /bin/true, asks `ndrepro-hold --check`, tries the scheduling class in a child; a few
/// milliseconds, at most `longest_trial_s` each. Throws std::system_error where no process can be made.
inline constexpr int longest_trial_s = 5;
ArmTraits traits_here(const ArmPaths& paths);

/// noise, yield, pct, hold, preempt, affinity.
std::vector<Capability> capabilities_from(const ArmTraits& traits);
std::vector<Capability> capabilities_here(const ArmPaths& paths);

}  // namespace ndr
