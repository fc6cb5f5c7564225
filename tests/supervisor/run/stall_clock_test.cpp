#include "supervisor/run/stall_clock.hpp"

#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

constexpr StallSettings limits{.start_up_ms = 300000, .mid_run_ms = 30000, .shut_down_ms = 20000};

StallClock running_at(std::int64_t now) {
  StallClock clock{limits, 0};
  clock.output(now, true);
  clock.signal(SignalClass::test_begin, now);
  return clock;
}

}  // namespace

TEST_CASE("importing and compiling may be silent for the start-up limit") {
  const StallClock clock{limits, 0};
  CHECK_FALSE(clock.check(299999));
  CHECK(clock.check(300000) == Stall{"start_up", 300000});
  CHECK(clock.next_check_ms() == 300000);
}

TEST_CASE("silence in mid-run is a hang after the mid-run limit") {
  const StallClock clock = running_at(100000);
  CHECK_FALSE(clock.check(129999));
  CHECK(clock.check(130000) == Stall{"mid_run", 30000});
}

TEST_CASE("three times the longest healthy gap raises the limit") {
  StallClock clock = running_at(0);
  clock.output(20000, true);
  CHECK_FALSE(clock.check(20000 + 59999));
  CHECK(clock.check(20000 + 60000) == Stall{"mid_run", 60000});
}

TEST_CASE("a silent run that uses the processor gets three times as long") {
  StallClock clock = running_at(0);
  CHECK_FALSE(clock.wants_activity(14000));
  CHECK(clock.wants_activity(15000));
  clock.busy(29000);
  CHECK_FALSE(clock.check(30000));
  clock.busy(89999);
  CHECK(clock.check(90000) == Stall{"mid_run", 90000});
}

TEST_CASE("no silence is a stall while the triage child lives") {
  StallClock clock = running_at(0);
  clock.triage_lives(29000);
  CHECK_FALSE(clock.check(58000));
  clock.signal(SignalClass::triage, 58000);
  CHECK_FALSE(clock.check(80000));
  CHECK(clock.check(88000) == Stall{"mid_run", 30000});
}

TEST_CASE("after the summary the shut-down limit counts") {
  StallClock clock = running_at(0);
  clock.output(1000, true);
  clock.signal(SignalClass::run_ending, 1000);
  CHECK(clock.phase() == RunPhase::shut_down);
  CHECK(clock.check(21000) == Stall{"shut_down", 20000});
}

TEST_CASE("a test that begins after a summary is in mid-run again") {
  for (const SignalClass again : {SignalClass::test_begin, SignalClass::progress}) {
    StallClock clock = running_at(0);
    clock.output(1000, true);
    clock.signal(SignalClass::run_ending, 1000);
    clock.output(2000, true);
    clock.signal(again, 2000);
    CHECK(clock.phase() == RunPhase::mid_run);
    CHECK_FALSE(clock.check(31999));
    CHECK(clock.check(32000) == Stall{"mid_run", 30000});
  }
}

TEST_CASE("talking without anything new is no progress") {
  StallClock clock = running_at(0);
  for (std::int64_t now = 1000; now < 90000; now += 1000) {
    clock.output(now, false);
    CHECK_FALSE(clock.check(now));
  }
  clock.output(90000, false);
  CHECK(clock.check(90000) == Stall{"no_progress", 90000});
}

TEST_CASE("an iteration or a new kind of line is progress") {
  StallClock clock = running_at(0);
  for (std::int64_t now = 1000; now < 300000; now += 1000) {
    clock.output(now, now % 60000 == 0);
    CHECK_FALSE(clock.check(now));
  }
  clock.signal(SignalClass::progress, 300000);
  clock.output(300000, false);
  CHECK_FALSE(clock.check(380000 - 60000));
}

TEST_CASE("lines that differ only in digits are of one kind") {
  LineKinds kinds;
  CHECK(kinds.has_new("tile 1 of 9\n"));
  CHECK_FALSE(kinds.has_new("tile 2 of 9\ntile 33 of 9\n"));
  CHECK(kinds.has_new("tile 3 of 9\nkernel compiled\n"));
  CHECK_FALSE(kinds.has_new(""));
}

TEST_CASE("faults do not wind the clock") {
  StallClock clock = running_at(0);
  clock.signal(SignalClass::exception, 29000);
  CHECK(clock.check(30000) == Stall{"mid_run", 30000});
}
