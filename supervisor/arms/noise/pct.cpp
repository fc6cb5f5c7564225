#include "supervisor/arms/noise/pct.hpp"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "supervisor/arms/noise/draw.hpp"

namespace ndr::noise {
namespace {

constinit std::atomic<bool> is_on{false};
constinit std::atomic<std::uint64_t> passed{0};
constinit std::atomic<std::uint64_t> drawn{0};
constinit std::uint64_t process_seed = 0;
constinit ChangePoints changes;

bool take_priority(int priority) {
  sched_param wanted{};
  wanted.sched_priority = priority;
  return ::syscall(SYS_sched_setscheduler, 0, SCHED_FIFO | SCHED_RESET_ON_FORK, &wanted) == 0;
}

// By system calls: open(), read() and close() are wrapped here.
bool real_time_is_limited() {
  const long file = ::syscall(SYS_openat, AT_FDCWD, "/proc/sys/kernel/sched_rt_runtime_us", O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return false;
  char first = '-';
  const bool is_read = ::syscall(SYS_read, file, &first, 1) == 1;
  ::syscall(SYS_close, file);
  return is_read && first >= '0' && first <= '9';
}

void stay_on_one_cpu(Random& random) {
  unsigned long allowed[128] = {};  // 8192 CPUs: the most Linux can have
  constexpr int bits = 8 * sizeof allowed[0];
  constexpr int most = 128 * bits;
  if (::syscall(SYS_sched_getaffinity, 0, sizeof allowed, allowed) < 0) return;
  const auto has = [&](int cpu) { return ((allowed[cpu / bits] >> (cpu % bits)) & 1) != 0; };
  std::uint64_t count = 0;
  for (int cpu = 0; cpu < most; ++cpu)
    count += has(cpu) ? 1 : 0;
  if (count == 0) return;
  std::uint64_t before = random.next() % count;
  for (int cpu = 0; cpu < most; ++cpu) {
    if (!has(cpu) || before-- != 0) continue;
    unsigned long one[128] = {};
    one[cpu / bits] = 1UL << (cpu % bits);
    ::syscall(SYS_sched_setaffinity, 0, sizeof one, one);
    return;
  }
}

int next_priority() {
  Random random{process_seed + 0x9e3779b97f4a7c15U * drawn.fetch_add(1, std::memory_order_relaxed)};
  return thread_priority(random);
}

}  // namespace

void begin_pct(const NoiseSettings& settings, std::uint64_t seed) {
  process_seed = seed;
  drawn.store(0, std::memory_order_relaxed);
  passed.store(0, std::memory_order_relaxed);
  is_on.store(false, std::memory_order_relaxed);
  if (!real_time_is_limited() || !take_priority(next_priority())) return;
  Random random{~seed};
  changes = change_points(settings.points, random);
  stay_on_one_cpu(random);
  is_on.store(true, std::memory_order_release);
}

int give_priority(const pthread_attr_t* given, pthread_attr_t& attributes) {
  if (!is_on.load(std::memory_order_acquire)) return 0;
  int policy = SCHED_OTHER;
  if (given == nullptr)
    ::pthread_attr_init(&attributes);
  else
    attributes = *given;  // never destroyed, so that what it points to may stay the caller's
  ::pthread_attr_getschedpolicy(&attributes, &policy);
  if (policy != SCHED_OTHER) return 0;
  sched_param wanted{};
  wanted.sched_priority = next_priority();
  ::pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
  ::pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
  return ::pthread_attr_setschedparam(&attributes, &wanted) == 0 ? wanted.sched_priority : 0;
}

void keep_priority(int priority) { take_priority(priority); }

void pass_pct_point() {
  if (!is_on.load(std::memory_order_relaxed)) return;
  const std::uint64_t number = passed.fetch_add(1, std::memory_order_relaxed) + 1;
  if (number != changes.first && number != changes.second) return;
  const int kept = errno;
  take_priority(number == changes.first ? 2 : 1);
  errno = kept;
}

void pass_pct_yield() {
  if (!is_on.load(std::memory_order_relaxed)) return;
  const int kept = errno;
  take_priority(1);
  errno = kept;
}

}  // namespace ndr::noise
