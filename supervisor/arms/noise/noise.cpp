// libndrepro-noise.so: loaded into a run by LD_PRELOAD, it delays threads and processes around the calls by which they
// meet: locks, conditions, semaphores, files, sockets, starts. What is delayed, how often and how long, says
// NDREPRO_NOISE (settings.hpp). Nothing happens before a process makes its first thread or process.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "supervisor/arms/noise/draw.hpp"
#include "supervisor/arms/noise/report.hpp"
#include "supervisor/arms/noise/settings.hpp"

namespace ndr::noise {
namespace {

NoiseSettings settings;
std::atomic<bool> is_open{false};
std::atomic<Report*> report{nullptr};
std::atomic<std::uint64_t> threads{0};

struct ThreadState {
  Random random{0};
  bool is_seeded = false;
  bool is_busy = false;  // within a delay: what that calls is no point
};
__attribute__((tls_model("initial-exec"))) thread_local ThreadState state;

void do_delay(const Delay& delay, void* caller) {
  if (delay.yields) {
    ::syscall(SYS_sched_yield);
  } else if (delay.nap_ns > 0) {
    timespec nap{static_cast<time_t>(delay.nap_ns / 1000000000), static_cast<long>(delay.nap_ns % 1000000000)};
    ::syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &nap, nullptr);
  }
  if (!delay.yields && delay.nap_ns == 0) return;
  if (Report* book = report.load(std::memory_order_acquire))
    add_delay(*book, reinterpret_cast<std::uint64_t>(caller), delay.nap_ns);
}

void delay_by(Delay (*draw)(const NoiseSettings&, Random&), void* caller) {
  if (state.is_busy) return;
  state.is_busy = true;
  const int kept = errno;
  if (!state.is_seeded) {
    state.random = Random{settings.seed * 0x100000001b3U + threads.fetch_add(1, std::memory_order_relaxed)};
    state.is_seeded = true;
  }
  do_delay(draw(settings, state.random), caller);
  errno = kept;
  state.is_busy = false;
}

// A call around which others may come in between.
inline void point(void* caller) {
  if (!is_open.load(std::memory_order_relaxed)) return;
  if (Report* book = report.load(std::memory_order_acquire)) book->points.fetch_add(1, std::memory_order_relaxed);
  delay_by(delay_at_call, caller);
}

void start_point(void* caller) { delay_by(delay_at_start, caller); }

void open_gate() {
  if (settings.mode == Mode::off || is_open.load(std::memory_order_acquire)) return;
  const int kept = errno;
  Report* fresh = map_report(settings.report);
  Report* none = nullptr;
  if (fresh != nullptr) report.compare_exchange_strong(none, fresh, std::memory_order_acq_rel);
  is_open.store(true, std::memory_order_release);
  errno = kept;
}

// A child has its own report and its own numbers.
void begin_child() {
  if (settings.mode == Mode::off) return;
  report.store(map_report(settings.report), std::memory_order_release);
  state.random = Random{settings.seed * 0x100000001b3U + static_cast<std::uint64_t>(::getpid())};
  state.is_seeded = true;
}

void* next_function(const char* name) {
#if defined(__x86_64__)
  // Conditions have an older form of the same name, which dlsym() would give.
  if (name[0] == 'p' && name[8] == 'c' && name[9] == 'o' && name[10] == 'n' && name[11] == 'd' && name[12] == '_') {
    if (void* found = ::dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2")) return found;
  }
#endif
  return ::dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) void begin() { settings = settings_from(::getenv("NDREPRO_NOISE")); }

constexpr long shortest_wait_ns = 30000;
constexpr long short_wait_ns = 10000000;

// A wait with less than 10 ms to go ends after 30 us: what polls and hands over, as Python's interpreter lock does,
// hands over more often. Long deadlines stay.
timespec cut(const timespec* until, clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  const long left = (until->tv_sec - now.tv_sec) * 1000000000L + (until->tv_nsec - now.tv_nsec);
  if (until->tv_sec - now.tv_sec > 1 || left <= shortest_wait_ns || left >= short_wait_ns) return *until;
  now.tv_nsec += shortest_wait_ns;
  if (now.tv_nsec >= 1000000000L) {
    ++now.tv_sec;
    now.tv_nsec -= 1000000000L;
  }
  return now;
}

bool cuts() { return settings.cuts_waits && is_open.load(std::memory_order_relaxed); }

// Which clock a condition uses is not to be seen: the monotonic one counts from the boot, the other from 1970.
clockid_t clock_of(const timespec* until) {
  timespec monotonic{};
  ::clock_gettime(CLOCK_MONOTONIC, &monotonic);
  return until->tv_sec - monotonic.tv_sec < 1000000 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

struct ThreadStart {
  void* (*routine)(void*);
  void* argument;
};

void* begin_thread(void* given) {
  const ThreadStart start = *static_cast<ThreadStart*>(given);
  ::free(given);
  start_point(reinterpret_cast<void*>(start.routine));
  return start.routine(start.argument);
}

}  // namespace
}  // namespace ndr::noise

using ndr::noise::begin_child;
using ndr::noise::begin_thread;
using ndr::noise::clock_of;
using ndr::noise::cut;
using ndr::noise::cuts;
using ndr::noise::next_function;
using ndr::noise::open_gate;
using ndr::noise::point;
using ndr::noise::start_point;
using ndr::noise::ThreadStart;

// The next definition of the function that is being defined.
#define REAL(name)                                    \
  static std::atomic<void*> known{nullptr};           \
  void* next = known.load(std::memory_order_relaxed); \
  if (next == nullptr) {                              \
    next = next_function(#name);                      \
    known.store(next, std::memory_order_relaxed);     \
  }                                                   \
  const auto real = reinterpret_cast<decltype(&(name))>(next);

// A function with a point in front of it and one behind.
#define WRAPPED(result_type, name, parameters, arguments)                         \
  extern "C" __attribute__((visibility("default"))) result_type name parameters { \
    REAL(name)                                                                    \
    point(__builtin_return_address(0));                                           \
    const result_type result = real arguments;                                    \
    point(__builtin_return_address(0));                                           \
    return result;                                                                \
  }

#pragma GCC diagnostic ignored "-Wnonnull-compare"
#pragma GCC diagnostic ignored "-Wredundant-decls"

WRAPPED(int, pthread_mutex_lock, (pthread_mutex_t * m) noexcept, (m))
WRAPPED(int, pthread_mutex_trylock, (pthread_mutex_t * m) noexcept, (m))
WRAPPED(int, pthread_mutex_unlock, (pthread_mutex_t * m) noexcept, (m))
WRAPPED(int, pthread_rwlock_rdlock, (pthread_rwlock_t * l) noexcept, (l))
WRAPPED(int, pthread_rwlock_wrlock, (pthread_rwlock_t * l) noexcept, (l))
WRAPPED(int, pthread_rwlock_unlock, (pthread_rwlock_t * l) noexcept, (l))
WRAPPED(int, pthread_spin_lock, (pthread_spinlock_t * l) noexcept, (l))
WRAPPED(int, pthread_spin_unlock, (pthread_spinlock_t * l) noexcept, (l))
WRAPPED(int, pthread_cond_signal, (pthread_cond_t * c) noexcept, (c))
WRAPPED(int, pthread_cond_broadcast, (pthread_cond_t * c) noexcept, (c))
WRAPPED(int, pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t* m), (c, m))
WRAPPED(int, pthread_join, (pthread_t thread, void** value), (thread, value))
WRAPPED(int, sem_wait, (sem_t * s), (s))
WRAPPED(int, sem_trywait, (sem_t * s) noexcept, (s))
WRAPPED(int, sem_post, (sem_t * s) noexcept, (s))
WRAPPED(int, sem_timedwait, (sem_t * s, const timespec* until), (s, until))
WRAPPED(ssize_t, read, (int file, void* bytes, size_t count), (file, bytes, count))
WRAPPED(ssize_t, write, (int file, const void* bytes, size_t count), (file, bytes, count))
WRAPPED(ssize_t, pread, (int file, void* bytes, size_t count, off_t at), (file, bytes, count, at))
WRAPPED(ssize_t, pwrite, (int file, const void* bytes, size_t count, off_t at), (file, bytes, count, at))
WRAPPED(ssize_t, send, (int s, const void* bytes, size_t count, int flags), (s, bytes, count, flags))
WRAPPED(ssize_t, recv, (int s, void* bytes, size_t count, int flags), (s, bytes, count, flags))
WRAPPED(int, connect, (int s, const sockaddr* address, socklen_t size), (s, address, size))
WRAPPED(int, bind, (int s, const sockaddr* address, socklen_t size) noexcept, (s, address, size))
WRAPPED(int, listen, (int s, int backlog) noexcept, (s, backlog))
WRAPPED(int, accept, (int s, sockaddr* address, socklen_t* size), (s, address, size))
WRAPPED(int, close, (int file), (file))
WRAPPED(int, rename, (const char* from, const char* to) noexcept, (from, to))
WRAPPED(int, unlink, (const char* path) noexcept, (path))
WRAPPED(int, sched_yield, () noexcept, ())

extern "C" __attribute__((visibility("default"))) int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  REAL(open)
  point(__builtin_return_address(0));
  const int file = real(path, flags, mode);
  point(__builtin_return_address(0));
  return file;
}

extern "C" __attribute__((visibility("default"))) int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  REAL(open64)
  point(__builtin_return_address(0));
  const int file = real(path, flags, mode);
  point(__builtin_return_address(0));
  return file;
}

extern "C" __attribute__((visibility("default"))) int pthread_cond_timedwait(pthread_cond_t* c, pthread_mutex_t* m,
                                                                             const timespec* until) {
  REAL(pthread_cond_timedwait)
  point(__builtin_return_address(0));
  const timespec nearer = cuts() ? cut(until, clock_of(until)) : *until;
  const int result = real(c, m, &nearer);
  point(__builtin_return_address(0));
  return result;
}

extern "C" __attribute__((visibility("default"))) int pthread_cond_clockwait(pthread_cond_t* c, pthread_mutex_t* m,
                                                                             clockid_t clock, const timespec* until) {
  REAL(pthread_cond_clockwait)
  point(__builtin_return_address(0));
  const timespec nearer = cuts() ? cut(until, clock) : *until;
  const int result = real(c, m, clock, &nearer);
  point(__builtin_return_address(0));
  return result;
}

extern "C" __attribute__((visibility("default"))) int pthread_create(pthread_t* thread,
                                                                     const pthread_attr_t* attributes,
                                                                     void* (*routine)(void*), void* argument) noexcept {
  REAL(pthread_create)
  open_gate();
  auto* start = static_cast<ThreadStart*>(::malloc(sizeof(ThreadStart)));
  if (start == nullptr) return real(thread, attributes, routine, argument);
  *start = {routine, argument};
  const int result = real(thread, attributes, begin_thread, start);
  if (result != 0) ::free(start);
  start_point(__builtin_return_address(0));
  return result;
}

extern "C" __attribute__((visibility("default"))) pid_t fork() noexcept {
  REAL(fork)
  open_gate();
  const pid_t child = real();
  if (child == 0) begin_child();
  start_point(__builtin_return_address(0));
  return child;
}

// The child of vfork() shares our memory, and must not touch it: it becomes one of fork().
extern "C" __attribute__((visibility("default"))) pid_t vfork() noexcept { return fork(); }

extern "C" __attribute__((visibility("default"))) int posix_spawn(pid_t* pid, const char* path,
                                                                  const posix_spawn_file_actions_t* actions,
                                                                  const posix_spawnattr_t* attributes,
                                                                  char* const arguments[], char* const environment[]) {
  REAL(posix_spawn)
  open_gate();
  const int result = real(pid, path, actions, attributes, arguments, environment);
  start_point(__builtin_return_address(0));
  return result;
}

extern "C" __attribute__((visibility("default"))) int posix_spawnp(pid_t* pid, const char* file,
                                                                   const posix_spawn_file_actions_t* actions,
                                                                   const posix_spawnattr_t* attributes,
                                                                   char* const arguments[], char* const environment[]) {
  REAL(posix_spawnp)
  open_gate();
  const int result = real(pid, file, actions, attributes, arguments, environment);
  start_point(__builtin_return_address(0));
  return result;
}
