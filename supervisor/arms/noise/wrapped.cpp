// libndrepro-noise.so: loaded into a run by LD_PRELOAD, it delays threads and processes around the calls by which they
// meet: locks, conditions, semaphores, files, sockets, starts. What is delayed, how often and how long, says
// NDREPRO_NOISE (settings.hpp). Nothing happens before a process makes its first thread or process: until then, and
// for ever where the mode is off, a call goes by one jump to the function behind.
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
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "supervisor/arms/noise/pct.hpp"
#include "supervisor/arms/noise/point.hpp"
#include "supervisor/arms/noise/wait_cut.hpp"
#include "supervisor/arms/noise/wrapper.hpp"

#pragma GCC diagnostic ignored "-Wnonnull-compare"
#pragma GCC diagnostic ignored "-Wredundant-decls"

#define EXPORTED extern "C" __attribute__((visibility("default")))

// Functions with a point in front and one behind: result, name, parameters, arguments. Locks first.
#define FOR_EACH_WRAPPED(X)                                                                           \
  X(int, pthread_mutex_lock, (pthread_mutex_t * m) noexcept, (m))                                     \
  X(int, pthread_mutex_unlock, (pthread_mutex_t * m) noexcept, (m))                                   \
  X(int, pthread_mutex_trylock, (pthread_mutex_t * m) noexcept, (m))                                  \
  X(int, pthread_rwlock_rdlock, (pthread_rwlock_t * l) noexcept, (l))                                 \
  X(int, pthread_rwlock_wrlock, (pthread_rwlock_t * l) noexcept, (l))                                 \
  X(int, pthread_rwlock_unlock, (pthread_rwlock_t * l) noexcept, (l))                                 \
  X(int, pthread_spin_lock, (pthread_spinlock_t * l) noexcept, (l))                                   \
  X(int, pthread_spin_unlock, (pthread_spinlock_t * l) noexcept, (l))                                 \
  X(int, pthread_cond_signal, (pthread_cond_t * c) noexcept, (c))                                     \
  X(int, pthread_cond_broadcast, (pthread_cond_t * c) noexcept, (c))                                  \
  X(int, pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t * m), (c, m))                        \
  X(int, pthread_join, (pthread_t thread, void** value), (thread, value))                             \
  X(int, sem_wait, (sem_t * s), (s))                                                                  \
  X(int, sem_trywait, (sem_t * s) noexcept, (s))                                                      \
  X(int, sem_post, (sem_t * s) noexcept, (s))                                                         \
  X(int, sem_timedwait, (sem_t * s, const timespec* until), (s, until))                               \
  X(ssize_t, read, (int file, void* bytes, size_t count), (file, bytes, count))                       \
  X(ssize_t, write, (int file, const void* bytes, size_t count), (file, bytes, count))                \
  X(ssize_t, pread, (int file, void* bytes, size_t count, off_t at), (file, bytes, count, at))        \
  X(ssize_t, pwrite, (int file, const void* bytes, size_t count, off_t at), (file, bytes, count, at)) \
  X(ssize_t, send, (int s, const void* bytes, size_t count, int flags), (s, bytes, count, flags))     \
  X(ssize_t, recv, (int s, void* bytes, size_t count, int flags), (s, bytes, count, flags))           \
  X(int, connect, (int s, const sockaddr* address, socklen_t size), (s, address, size))               \
  X(int, bind, (int s, const sockaddr* address, socklen_t size) noexcept, (s, address, size))         \
  X(int, listen, (int s, int backlog) noexcept, (s, backlog))                                         \
  X(int, accept, (int s, sockaddr* address, socklen_t* size), (s, address, size))                     \
  X(int, close, (int file), (file))                                                                   \
  X(int, rename, (const char* from, const char* to) noexcept, (from, to))                             \
  X(int, unlink, (const char* path) noexcept, (path))

namespace ndr::noise {
namespace {

void begin();

void* next_function(const char* name) {
#if defined(__x86_64__)
  // Conditions have an older form of the same name, which dlsym() would give.
  if (std::strncmp(name, "pthread_cond_", 13) == 0) {
    if (void* found = ::dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2")) return found;
  }
#endif
  return ::dlsym(RTLD_NEXT, name);
}

// Of each function: `real`, the next definition; and `slot`, where a call goes: `first` until somebody calls or the
// library is set up, then `real`, and `noisy` behind the gate. The exported function is one jump through the slot, so
// that what returns from `noisy` returns to the caller.
#define DEFINE_WRAPPED(result_type, name, parameters, arguments)    \
  namespace of_##name {                                             \
    using Function = result_type parameters;                        \
    Function first;                                                 \
    constinit Function* real = nullptr;                             \
    constinit std::atomic<Function*> slot{first};                   \
    void resolve() {                                                \
      real = reinterpret_cast<Function*>(next_function(#name));     \
      slot.store(real, std::memory_order_relaxed);                  \
    }                                                               \
    result_type first parameters {                                  \
      begin();                                                      \
      if (real == nullptr) resolve();                               \
      return real arguments;                                        \
    }                                                               \
    __attribute__((noinline)) result_type noisy parameters {        \
      point(__builtin_return_address(0));                           \
      const result_type result = real arguments;                    \
      point(__builtin_return_address(0));                           \
      return result;                                                \
    }                                                               \
    void let_in() { slot.store(noisy, std::memory_order_relaxed); } \
  }
FOR_EACH_WRAPPED(DEFINE_WRAPPED)

struct Wrapped {
  void (*resolve)();
  void (*let_in)();
};
#define LIST_WRAPPED(result_type, name, parameters, arguments) {of_##name::resolve, of_##name::let_in},
constexpr Wrapped all_wrapped[] = {FOR_EACH_WRAPPED(LIST_WRAPPED)};

constinit bool has_begun = false;

// When the loader sets the library up, or before, when another library that is set up earlier makes the first call.
// There is one thread then: what makes threads comes here first.
void begin() {
  if (has_begun) return;
  has_begun = true;
  read_settings(is_wrapper() ? nullptr : ::getenv("NDREPRO_NOISE"));
  for (const Wrapped& one : all_wrapped)
    one.resolve();
}

__attribute__((constructor)) void set_up() { begin(); }
__attribute__((destructor)) void tear_down() { count_rest(); }

void open_all() {
  if (!open_gate()) return;
  for (const Wrapped& one : all_wrapped)
    one.let_in();
}

// For functions of other forms, which look at the gate themselves.
void gated_point(void* caller) {
  if (gate_is_open()) point(caller);
}

struct ThreadStart {
  void* (*routine)(void*);
  void* argument;
  int priority;
};

void* begin_thread(void* given) {
  const ThreadStart start = *static_cast<ThreadStart*>(given);
  ::free(given);
  if (start.priority != 0) keep_priority(start.priority);
  start_point(reinterpret_cast<char*>(start.routine) + 1);  // as if it returned there: readers look one byte before
  void* result = start.routine(start.argument);
  count_rest();
  return result;
}

}  // namespace
}  // namespace ndr::noise

using namespace ndr::noise;

// NOLINTBEGIN(bugprone-macro-parentheses): the arguments have theirs
#define EXPORT_WRAPPED(result_type, name, parameters, arguments) \
  EXPORTED result_type name parameters { return of_##name::slot.load(std::memory_order_relaxed) arguments; }
// NOLINTEND(bugprone-macro-parentheses)
FOR_EACH_WRAPPED(EXPORT_WRAPPED)

// The next definition of the function that is being defined.
#define REAL(name)                                    \
  begin();                                            \
  static constinit std::atomic<void*> known{nullptr}; \
  void* next = known.load(std::memory_order_relaxed); \
  if (next == nullptr) {                              \
    next = next_function(#name);                      \
    known.store(next, std::memory_order_relaxed);     \
  }                                                   \
  const auto real = reinterpret_cast<decltype(&(name))>(next);

EXPORTED int sched_yield() noexcept {
  REAL(sched_yield)
  gated_point(__builtin_return_address(0));
  pass_pct_yield();
  const int result = real();
  gated_point(__builtin_return_address(0));
  return result;
}

EXPORTED int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  REAL(open)
  gated_point(__builtin_return_address(0));
  const int file = real(path, flags, mode);
  gated_point(__builtin_return_address(0));
  return file;
}

EXPORTED int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  REAL(open64)
  gated_point(__builtin_return_address(0));
  const int file = real(path, flags, mode);
  gated_point(__builtin_return_address(0));
  return file;
}

EXPORTED int pthread_cond_timedwait(pthread_cond_t* c, pthread_mutex_t* m, const timespec* until) {
  REAL(pthread_cond_timedwait)
  gated_point(__builtin_return_address(0));
  const timespec nearer = cuts_waits() ? cut(*until, clock_of(*until)) : *until;
  const int result = real(c, m, &nearer);
  gated_point(__builtin_return_address(0));
  return result;
}

EXPORTED int pthread_cond_clockwait(pthread_cond_t* c, pthread_mutex_t* m, clockid_t clock, const timespec* until) {
  REAL(pthread_cond_clockwait)
  gated_point(__builtin_return_address(0));
  const timespec nearer = cuts_waits() ? cut(*until, clock) : *until;
  const int result = real(c, m, clock, &nearer);
  gated_point(__builtin_return_address(0));
  return result;
}

EXPORTED int pthread_create(pthread_t* thread, const pthread_attr_t* given, void* (*routine)(void*),
                            void* argument) noexcept {
  REAL(pthread_create)
  open_all();
  auto* start = static_cast<ThreadStart*>(::malloc(sizeof(ThreadStart)));
  if (start == nullptr) return real(thread, given, routine, argument);
  pthread_attr_t attributes;
  *start = {routine, argument, give_priority(given, attributes)};
  int result = real(thread, start->priority != 0 ? &attributes : given, begin_thread, start);
  if (result == EPERM && start->priority != 0) {  // the right was taken from us
    start->priority = 0;
    result = real(thread, given, begin_thread, start);
  }
  if (result != 0) ::free(start);
  start_point(__builtin_return_address(0));
  return result;
}

EXPORTED pid_t fork() noexcept {
  REAL(fork)
  open_all();
  const pid_t child = real();
  if (child == 0) begin_child();
  start_point(__builtin_return_address(0));
  return child;
}

// The child of vfork() shares our memory, and must not touch it: it becomes one of fork().
EXPORTED pid_t vfork() noexcept { return fork(); }

EXPORTED int posix_spawn(pid_t* pid, const char* path, const posix_spawn_file_actions_t* actions,
                         const posix_spawnattr_t* attributes, char* const arguments[], char* const environment[]) {
  REAL(posix_spawn)
  open_all();
  const int result = real(pid, path, actions, attributes, arguments, environment);
  start_point(__builtin_return_address(0));
  return result;
}

EXPORTED int posix_spawnp(pid_t* pid, const char* file, const posix_spawn_file_actions_t* actions,
                          const posix_spawnattr_t* attributes, char* const arguments[], char* const environment[]) {
  REAL(posix_spawnp)
  open_all();
  const int result = real(pid, file, actions, attributes, arguments, environment);
  start_point(__builtin_return_address(0));
  return result;
}
