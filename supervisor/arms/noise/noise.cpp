// What is done at a point: counting, delays, priorities.
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "supervisor/arms/noise/draw.hpp"
#include "supervisor/arms/noise/pct.hpp"
#include "supervisor/arms/noise/point.hpp"
#include "supervisor/arms/noise/report.hpp"

namespace ndr::noise {

namespace {

constinit NoiseSettings settings;
constinit std::atomic<bool> is_open{false};
constinit std::atomic<Report*> report{nullptr};
constinit std::atomic<std::uint64_t> threads{0};

struct ThreadState {
  Random random{0};
  std::uint64_t points = 0;
  std::uint64_t uncounted = 0;  // of those, not yet in the report
  bool is_seeded = false;
  bool is_busy = false;  // within a delay: what that calls is no point
};
__attribute__((tls_model("initial-exec"))) thread_local ThreadState state;

std::uint64_t seed_of(std::uint64_t number) { return settings.seed * 0x100000001b3U + number; }

Random& own_random() {
  if (!state.is_seeded) {
    state.random = Random{seed_of(threads.fetch_add(1, std::memory_order_relaxed))};
    state.is_seeded = true;
  }
  return state.random;
}

void do_delay(const Delay& delay, void* caller) {
  state.is_busy = true;
  const int kept = errno;
  if (delay.yields) {
    ::syscall(SYS_sched_yield);
  } else {
    timespec nap{static_cast<time_t>(delay.nap_ns / 1000000000), static_cast<long>(delay.nap_ns % 1000000000)};
    ::syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &nap, nullptr);
  }
  if (Report* book = report.load(std::memory_order_acquire))
    add_delay(*book, reinterpret_cast<std::uint64_t>(caller), delay.nap_ns);
  errno = kept;
  state.is_busy = false;
}

bool is_none(const Delay& delay) { return !delay.yields && delay.nap_ns == 0; }

// One by one at first, then by the eighth of what the thread has passed: threads that write one word at each call would
// be ordered by it.
void count_point() {
  ++state.points;
  ++state.uncounted;
  if (state.uncounted >= state.points / 8) count_rest();
}

}  // namespace

void count_rest() {
  if (state.uncounted == 0) return;
  if (Report* book = report.load(std::memory_order_acquire))
    book->points.fetch_add(state.uncounted, std::memory_order_relaxed);
  state.uncounted = 0;
}

void point(void* caller) {
  count_point();
  if (settings.mode == Mode::count) return;
  if (settings.mode == Mode::pct) {
    pass_pct_point();
    return;
  }
  if (state.is_busy) return;
  const Delay delay = delay_at_call(settings, own_random());
  if (__builtin_expect(!is_none(delay), 0)) do_delay(delay, caller);
}

void start_point(void* caller) {
  if (state.is_busy) return;
  const Delay delay = delay_at_start(settings, own_random());
  if (!is_none(delay)) do_delay(delay, caller);
}

void read_settings(const char* text) { settings = settings_from(text); }

bool cuts_waits() { return settings.cuts_waits && is_open.load(std::memory_order_relaxed); }

bool gate_is_open() { return is_open.load(std::memory_order_relaxed); }

bool open_gate() {
  if (settings.mode == Mode::off || is_open.load(std::memory_order_acquire)) return false;
  const int kept = errno;
  Report* fresh = map_report(settings.report);
  Report* none = nullptr;
  if (fresh != nullptr) report.compare_exchange_strong(none, fresh, std::memory_order_acq_rel);
  if (settings.mode == Mode::pct) begin_pct(settings, seed_of(0));
  is_open.store(true, std::memory_order_release);
  errno = kept;
  return true;
}

void begin_child() {
  if (settings.mode == Mode::off) return;
  const auto number = static_cast<std::uint64_t>(::getpid());
  report.store(map_report(settings.report), std::memory_order_release);
  state = ThreadState{};
  state.random = Random{seed_of(number)};
  state.is_seeded = true;
  if (settings.mode == Mode::pct) begin_pct(settings, seed_of(number));
}

}  // namespace ndr::noise
