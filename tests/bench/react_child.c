// The run of react_bench: its child prints an error line that is to be stopped at once and waits for its death by
// SIGINT, which it does not handle. Writes "WRITTEN_NS DELIVERED_NS" (CLOCK_MONOTONIC) to react.times in the working
// folder.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void print_and_wait(int64_t* written) {
  const char* line = "Read unexpected run_mailbox value: 0x40 (expected 0x80 or 0x0)\n";
  for (int i = 1; i <= 5; ++i) {
    printf("PASS iteration %d/5\n", i);
    fflush(stdout);
    usleep(4000);
  }
  *written = now_ns();
  if (write(1, line, strlen(line)) < 0) _exit(3);
  for (;;)
    pause();
}

int main(void) {
  int64_t* written = mmap(NULL, sizeof *written, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (written == MAP_FAILED) return 3;
  signal(SIGINT, SIG_IGN);  // to live on and tell
  const pid_t child = fork();
  if (child < 0) return 3;
  if (child == 0) {
    signal(SIGINT, SIG_DFL);
    print_and_wait(written);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
  }
  const int64_t delivered = now_ns();
  FILE* times = fopen("react.times", "w");
  if (times == NULL) return 3;
  fprintf(times, "%lld %lld\n", (long long)*written, (long long)delivered);
  fclose(times);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGINT ? 1 : 4;
}
