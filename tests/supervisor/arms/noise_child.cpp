// What the tests of the noise library run: noise_child WORD
//   scheduling   says how the main thread, two threads, a forked and an executed child are scheduled, before the first
//                thread and after: a line each, "NAME POLICY PRIORITY CPUS"
//   locks        two threads, each of which locks a mutex 1000 times
//   yields       a thread that spins with sched_yield() until another, made later, is done
//   early        locks and makes no thread
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>

namespace {

pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
std::atomic<bool> is_done{false};

void say_scheduling(const char* name) {
  sched_param priority{};
  ::sched_getparam(0, &priority);
  cpu_set_t cpus;
  ::sched_getaffinity(0, sizeof cpus, &cpus);
  std::printf("%s %d %d %d\n", name, ::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK, priority.sched_priority,
              CPU_COUNT(&cpus));
  std::fflush(stdout);
}

void* say(void* name) {
  say_scheduling(static_cast<const char*>(name));
  return nullptr;
}

void join(void* (*routine)(void*), void* argument) {
  pthread_t thread;
  if (::pthread_create(&thread, nullptr, routine, argument) != 0) ::_exit(3);
  ::pthread_join(thread, nullptr);
}

void show_scheduling(char* self) {
  say_scheduling("before");
  join(say, const_cast<char*>("thread"));
  join(say, const_cast<char*>("thread"));
  say_scheduling("main");
  const pid_t child = ::fork();
  if (child == 0) {
    say_scheduling("forked");
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  char* arguments[] = {self, const_cast<char*>("executed"), nullptr};
  pid_t executed = 0;
  if (::posix_spawn(&executed, self, nullptr, nullptr, arguments, environ) == 0) ::waitpid(executed, nullptr, 0);
}

}  // namespace

extern "C" __attribute__((noinline)) void* lock_often(void*) {
  for (int i = 0; i < 1000; ++i) {
    ::pthread_mutex_lock(&mutex);
    ::pthread_mutex_unlock(&mutex);
  }
  return nullptr;
}

namespace {

void lock_in_two() {
  pthread_t threads[2];
  for (pthread_t& thread : threads)
    if (::pthread_create(&thread, nullptr, lock_often, nullptr) != 0) ::_exit(3);
  for (const pthread_t thread : threads)
    ::pthread_join(thread, nullptr);
}

void* spin(void*) {
  while (!is_done.load())
    ::sched_yield();
  return nullptr;
}

void* finish(void*) {
  is_done.store(true);
  return nullptr;
}

void yield_until_done() {
  pthread_t spinning;
  if (::pthread_create(&spinning, nullptr, spin, nullptr) != 0) ::_exit(3);
  join(finish, nullptr);
  ::pthread_join(spinning, nullptr);
}

}  // namespace

int main(int count, char** arguments) {
  const char* word = count == 2 ? arguments[1] : "";
  if (std::strcmp(word, "scheduling") == 0)
    show_scheduling(arguments[0]);
  else if (std::strcmp(word, "executed") == 0)
    say_scheduling("executed");
  else if (std::strcmp(word, "locks") == 0)
    lock_in_two();
  else if (std::strcmp(word, "yields") == 0)
    yield_until_done();
  else if (std::strcmp(word, "early") == 0)
    lock_often(nullptr);
  else
    return 2;
  return 0;
}
