#pragma once
#include <atomic>
#include <cstdint>

namespace ndr::noise {

/// What a process leaves of its noise, in a file of its own that is mapped, so that it is there whatever way the
/// process ends: <report>/noise-PID. Bounded: what does not fit is counted in `lost`.
struct Site {
  std::atomic<std::uint64_t> address;  // 0: free; where the call returns to: the one behind it
  std::atomic<std::uint64_t> delays;
  std::atomic<std::uint64_t> delayed_ns;
  std::uint64_t module;  // index of modules
  std::uint64_t offset;  // of `address` from the module's lowest mapping on
};

struct Module {
  std::uint64_t base;
  char path[248];
};

struct Report {
  static constexpr std::uint64_t magic_text = 0x31736e2d72646eULL;  // "ndr-ns1"
  static constexpr std::uint64_t most_sites = 512;
  static constexpr std::uint64_t most_modules = 32;
  std::uint64_t magic;
  std::atomic<std::uint64_t> points;  // calls behind the gate
  std::atomic<std::uint64_t> delays;
  std::atomic<std::uint64_t> delayed_ns;
  std::atomic<std::uint64_t> lost;
  std::atomic<std::uint64_t> modules_used;
  Module modules[most_modules];
  Site sites[most_sites];
};

/// Maps the report of this process; null where there is none, or it cannot be made.
Report* map_report(const char* folder);

/// Adds a delay at the call that returns to `address`, and at those in progress around it as far as they are known:
/// they are sites too, without time of their own.
void add_delay(Report& report, std::uint64_t address, std::uint64_t nap_ns);

}  // namespace ndr::noise
