#include "supervisor/shim/stop_schedule.hpp"

#include <vector>

#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

struct Told {
  std::int64_t at;
  StopStep step;
  bool operator==(const Told&) const = default;
};

/// All steps from `now` to `end`, asked when next_due() says so.
std::vector<Told> steps_of(StopSchedule& schedule, std::int64_t end, bool with_repeated_kills = false) {
  std::vector<Told> told;
  while (const auto due = schedule.next_due()) {
    if (*due > end) break;
    const StopStep step = schedule.next(*due);
    const bool again = step == StopStep::kill && !told.empty() && told.back().step == StopStep::kill;
    if (step != StopStep::none && (!again || with_repeated_kills)) told.push_back({*due, step});
  }
  return told;
}

}  // namespace

TEST_CASE("a ladder is climbed step by step, and given up at its end") {
  StopSchedule schedule;
  CHECK_FALSE(schedule.next_due().has_value());
  schedule.request({500, 300}, 1000);
  CHECK(schedule.is_asking());
  CHECK(steps_of(schedule, 99999) == std::vector<Told>{{1000, StopStep::interrupt},
                                                       {1500, StopStep::terminate},
                                                       {1800, StopStep::kill},
                                                       {3800, StopStep::give_up}});
  CHECK(schedule.next(99999) == StopStep::none);
}

TEST_CASE("a step of no length is passed over without its signal") {
  StopSchedule at_once;
  at_once.request({0, 0}, 10);
  CHECK(at_once.next(10) == StopStep::kill);
  StopSchedule terminate_only;
  terminate_only.request({0, 100}, 10);
  CHECK(terminate_only.next(10) == StopStep::terminate);
  StopSchedule interrupt_only;
  interrupt_only.request({100, 0}, 10);
  CHECK(steps_of(interrupt_only, 1000) == std::vector<Told>{{10, StopStep::interrupt}, {110, StopStep::kill}});
}

TEST_CASE("a step that is looked at late is still made, with its whole time") {
  StopSchedule schedule;
  schedule.request({5, 5}, 100);
  CHECK(schedule.next(200) == StopStep::interrupt);
  CHECK(schedule.next(203) == StopStep::none);
  CHECK(schedule.next(300) == StopStep::terminate);
  CHECK(schedule.next(400) == StopStep::kill);
}

TEST_CASE("a later request can only shorten a stop") {
  StopSchedule schedule;
  schedule.request({1000, 1000}, 0);
  CHECK(schedule.next(0) == StopStep::interrupt);
  schedule.request({5000, 5000}, 100);
  CHECK(schedule.next_due() == 1000);
  schedule.request({400, 9000}, 200);
  CHECK(schedule.next_due() == 400);
  CHECK(schedule.next(400) == StopStep::terminate);
  CHECK(schedule.next_due() == 1400);
  schedule.request({0, 0}, 500);
  CHECK(schedule.next(500) == StopStep::kill);
  schedule.request({1000, 1000}, 600);
  CHECK(schedule.next(700) == StopStep::kill);
}

TEST_CASE("killing is repeated until it is given up") {
  StopSchedule schedule;
  schedule.request({0, 0}, 0);
  const std::vector<Told> told = steps_of(schedule, 99999, true);
  REQUIRE(told.size() == 101);
  CHECK(told[1] == Told{20, StopStep::kill});
  CHECK(told.back() == Told{2000, StopStep::give_up});
}

TEST_CASE("what a command leaves behind has a grace and is then killed without a signal before") {
  StopSchedule schedule;
  schedule.leave_leftovers(100);
  CHECK_FALSE(schedule.is_asking());
  CHECK(steps_of(schedule, 2500) == std::vector<Told>{{2100, StopStep::kill}});
}

TEST_CASE("a stop while leftovers have their grace kills them at once") {
  StopSchedule schedule;
  schedule.leave_leftovers(100);
  CHECK(schedule.next(100) == StopStep::none);
  schedule.request({5000, 5000}, 300);
  CHECK(schedule.next(300) == StopStep::kill);
}

TEST_CASE("what signals do not reach has its grace in a stop too, but never more than the stop gave") {
  StopSchedule long_stop;
  long_stop.request({30000, 5000}, 0);
  CHECK(long_stop.next(0) == StopStep::interrupt);
  long_stop.leave_leftovers(1000);
  CHECK(steps_of(long_stop, 4000) == std::vector<Told>{{3000, StopStep::kill}});
  StopSchedule short_stop;
  short_stop.request({300, 400}, 0);
  CHECK(short_stop.next(0) == StopStep::interrupt);
  short_stop.leave_leftovers(100);
  CHECK(steps_of(short_stop, 2000) == std::vector<Told>{{700, StopStep::kill}});
  StopSchedule killing;
  killing.request({0, 0}, 0);
  CHECK(killing.next(0) == StopStep::kill);
  killing.leave_leftovers(10);
  CHECK(killing.next(20) == StopStep::kill);
}
