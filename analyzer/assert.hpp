#pragma once
#include <cstdio>
#include <cstdlib>

/// A bug, on in release too: the daemon dies with file and line, its service starts it again, and the shims never
/// notice. Never for bad input (that is a Refusal) nor for a broken machine (that is an exception).
#define NDR_ASSERT(condition)                                                                 \
  do {                                                                                        \
    if (!(condition)) {                                                                       \
      std::fprintf(stderr, "%s:%d: bug: %s does not hold\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                           \
    }                                                                                         \
  } while (false)

/// The same, of a place that is never reached.
#define NDR_NEVER(what)                                                 \
  do {                                                                  \
    std::fprintf(stderr, "%s:%d: bug: %s\n", __FILE__, __LINE__, what); \
    std::abort();                                                       \
  } while (false)
