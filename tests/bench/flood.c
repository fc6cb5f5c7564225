// Writes RATE lines of 80 bytes a second for SECONDS; every 1,000th is a progress line. usage: flood RATE SECONDS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void write_all(const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = write(1, bytes, size);
    if (written <= 0) exit(3);
    bytes += written;
    size -= (size_t)written;
  }
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const long rate = atol(argv[1]), seconds = atol(argv[2]);
  const long batch = rate / 100, batches = seconds * 100, total = batch * batches;
  char* block = malloc((size_t)batch * 80);
  if (block == NULL) return 3;
  struct timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  long line = 0;
  for (long i = 0; i < batches; ++i) {
    for (long j = 0; j < batch; ++j) {
      char* at = block + j * 80;
      ++line;
      const char* form = line % 1000 == 0 ? "PASS iteration %ld/%ld" : "tile %ld of %ld: dispatch queue idle, 0 events";
      const int length = snprintf(at, 80, form, line % 1000 == 0 ? line / 1000 : line, line % 1000 == 0 ? total / 1000 : total);
      memset(at + length, '.', (size_t)(79 - length));
      at[79] = '\n';
    }
    write_all(block, (size_t)batch * 80);
    next.tv_nsec += 10000000;
    if (next.tv_nsec >= 1000000000) {
      next.tv_nsec -= 1000000000;
      ++next.tv_sec;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
  }
  return 0;
}
