// Processes, in a static binary: the parent reads what the child writes and does not wait for its end.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "race.hpp"

int main() {
  char path[] = "answer-XXXXXX";
  const int file = ::mkstemp(path);
  assert(file >= 0);
  const pid_t child = ::fork();
  assert(child >= 0);
  if (child == 0) {
    race_window();
    const bool written = ::write(file, "ready\n", 6) == 6;
    ::_exit(written ? 0 : 1);
  }
  if (fixed) ::waitpid(child, nullptr, 0);
  // Work of its own, which takes longer than the child needs, nearly always.
  volatile unsigned long work = 0;
  for (int i = 0; i < 3000000; ++i)
    work = work + static_cast<unsigned long>(i);
  char answer[16] = {};
  const auto got = ::pread(file, answer, sizeof answer - 1, 0);
  ::unlink(path);
  if (!fixed) ::waitpid(child, nullptr, 0);
  assert(got == 6);
}
