#include "supervisor/arms/preempt/affinity.hpp"

#include <errno.h>
#include <sched.h>

#include <array>

namespace ndr {
namespace {

// sched_getaffinity() refuses a set that is smaller than the kernel's own: 8192 CPUs are the most Linux can have.
constexpr int most_cpus = 8192;
using CpuSets = std::array<cpu_set_t, most_cpus / CPU_SETSIZE>;

}  // namespace

std::vector<int> allowed_cpus() {
  CpuSets sets{};
  std::vector<int> cpus;
  if (::sched_getaffinity(0, sizeof sets, sets.data()) != 0) return cpus;
  for (int cpu = 0; cpu < most_cpus; ++cpu) {
    if (CPU_ISSET_S(cpu, sizeof sets, sets.data())) cpus.push_back(cpu);
  }
  return cpus;
}

int pin_to_cpu(int cpu) {
  CpuSets sets{};
  CPU_SET_S(cpu, sizeof sets, sets.data());
  return ::sched_setaffinity(0, sizeof sets, sets.data()) == 0 ? 0 : errno;
}

int squeeze_onto_one_cpu(std::uint64_t draw) {
  CpuSets sets{};
  if (::sched_getaffinity(0, sizeof sets, sets.data()) != 0) return errno;
  const auto allowed = static_cast<std::uint64_t>(CPU_COUNT_S(sizeof sets, sets.data()));
  if (allowed == 0) return EINVAL;
  std::uint64_t before = draw % allowed;
  for (int cpu = 0; cpu < most_cpus; ++cpu) {
    if (!CPU_ISSET_S(cpu, sizeof sets, sets.data())) continue;
    if (before-- == 0) return pin_to_cpu(cpu);
  }
  return EINVAL;
}

}  // namespace ndr
