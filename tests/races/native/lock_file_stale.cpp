// Processes, in a static binary: whether the lock file is there is asked first, and then it is made.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "race.hpp"

namespace {

// Whether this process has got the lock.
bool take_lock(const char* path) {
  if (fixed) return ::open(path, O_CREAT | O_EXCL | O_WRONLY, 0600) >= 0;
  struct stat status {};
  if (::stat(path, &status) == 0) return false;
  race_window();
  return ::open(path, O_CREAT | O_WRONLY, 0600) >= 0;
}

}  // namespace

int main() {
  const char* path = "only-one.lock";
  ::unlink(path);
  pid_t children[2] = {};
  for (pid_t& child : children) {
    child = ::fork();
    assert(child >= 0);
    if (child == 0) ::_exit(take_lock(path) ? 1 : 0);
  }
  int holders = 0;
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    holders += WEXITSTATUS(status);
  }
  ::unlink(path);
  assert(holders == 1);
}
