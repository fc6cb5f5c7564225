#pragma once
// What every program here shares. Built with -DFIXED it is the correct twin; with -DWIDENED the wrong place sleeps, so
// that a failure can be recorded as CI would have seen it. Neither is what a campaign runs.
#include <cassert>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>

#ifdef FIXED
constexpr bool fixed = true;
#else
constexpr bool fixed = false;
#endif

// What a thread does before it comes to the wrong place: so it comes late, nearly always.
inline void other_work(int rounds) {
  volatile int done = 0;
  for (int i = 0; i < rounds; ++i)
    done = done + i;
}

#ifdef WIDENED
inline void race_window() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }
#else
inline void race_window() {}
#endif
