#include <algorithm>
#include <string>

#include "supervisor/arms/noise/draw.hpp"
#include "supervisor/arms/noise/settings.hpp"
#include "tests/support/catch.hpp"

using namespace ndr::noise;

TEST_CASE("the settings of noise are read from one text") {
  const NoiseSettings settings =
      settings_from("mode=sleep,p=0.25,us=1500,start_p=1,start_us=20,cut=1,seed=18446744073709551,report=/tmp/x");
  CHECK(settings.mode == Mode::sleep);
  CHECK(settings.chance == Approx(0.25));
  CHECK(settings.longest_us == 1500);
  CHECK(settings.start_chance == 1);
  CHECK(settings.start_us == 20);
  CHECK(settings.cuts_waits);
  CHECK(settings.seed == 18446744073709551U);
  CHECK(std::string{settings.report} == "/tmp/x");
  CHECK(settings_from("mode=count").mode == Mode::count);
}

TEST_CASE("a text that is not understood as a whole switches all off") {
  for (const char* text : {"", "mode", "mode=loud", "mode=sleep,p=2", "mode=sleep,p=1.5", "mode=sleep,us=100001",
                           "mode=sleep,start_us=100001", "mode=sleep,other=1", "mode=sleep p=1",
                           "mode=sleep,report=relative", "mode=yield,cut=2"}) {
    INFO(text);
    CHECK(settings_from(text).mode == Mode::off);
  }
  CHECK(settings_from(nullptr).mode == Mode::off);
  CHECK(settings_from(("mode=sleep,report=/" + std::string(600, 'x')).c_str()).mode == Mode::off);
}

TEST_CASE("delays follow their chances, and the same seed draws the same") {
  NoiseSettings settings = settings_from("mode=sleep,p=0.25,us=1000,start_p=0.5,start_us=100");
  Random random{7};
  int none = 0;
  int yields = 0;
  std::uint64_t longest = 0;
  for (int i = 0; i < 10000; ++i) {
    const Delay delay = delay_at_call(settings, random);
    none += static_cast<int>(!delay.yields && delay.nap_ns == 0);
    yields += static_cast<int>(delay.yields);
    longest = std::max(longest, delay.nap_ns);
  }
  CHECK(none == Approx(7500).margin(200));
  CHECK(yields == Approx(750).margin(100));
  CHECK(longest < 1000000);
  CHECK(longest > 900000);
  int naps = 0;
  for (int i = 0; i < 10000; ++i)
    naps += static_cast<int>(delay_at_start(settings, random).nap_ns > 0);
  CHECK(naps == Approx(5000).margin(200));
  Random again{7};
  Random first{7};
  for (int i = 0; i < 100; ++i)
    CHECK(delay_at_call(settings, again).nap_ns == delay_at_call(settings, first).nap_ns);
  settings.mode = Mode::count;
  CHECK(delay_at_call(settings, random).nap_ns == 0);
}

TEST_CASE("both lengths go up to a tenth of a second") {
  const NoiseSettings settings = settings_from("mode=sleep,p=1,us=100000,start_p=1,start_us=100000");
  CHECK(settings.mode == Mode::sleep);
  Random random{11};
  std::uint64_t longest = 0;
  std::uint64_t longest_start = 0;
  for (int i = 0; i < 10000; ++i) {
    longest = std::max(longest, delay_at_call(settings, random).nap_ns);
    longest_start = std::max(longest_start, delay_at_start(settings, random).nap_ns);
  }
  for (const std::uint64_t one : {longest, longest_start}) {
    CHECK(one <= 100000000);
    CHECK(one > 98000000);
  }
}

TEST_CASE("priorities and their change points are drawn evenly") {
  const NoiseSettings settings = settings_from("mode=pct,points=5,seed=3");
  CHECK(settings.mode == Mode::pct);
  CHECK(settings.points == 5);
  Random random{5};
  CHECK(delay_at_call(settings, random).nap_ns == 0);
  int firsts[6] = {};
  int seconds[6] = {};
  int priorities[50] = {};
  for (int i = 0; i < 30000; ++i) {
    const ChangePoints changes = change_points(settings.points, random);
    REQUIRE((changes.first >= 1 && changes.first < changes.second && changes.second <= 5));
    ++firsts[changes.first];
    ++seconds[changes.second];
    const int priority = thread_priority(random);
    REQUIRE((priority >= 20 && priority <= 49));
    ++priorities[priority];
  }
  // Of the ten pairs four have 1 as the first, three have 2, two have 3, and one has 4.
  for (int point = 1; point <= 4; ++point) {
    CHECK(firsts[point] == Approx(3000 * (5 - point)).margin(300));
    CHECK(seconds[point + 1] == Approx(3000 * point).margin(300));
  }
  for (int priority = 20; priority < 50; ++priority)
    CHECK(priorities[priority] == Approx(1000).margin(200));
  CHECK(change_points(0, random).first == 0);
  CHECK(change_points(1, random).first == 1);
  CHECK(change_points(1, random).second == 0);
}
