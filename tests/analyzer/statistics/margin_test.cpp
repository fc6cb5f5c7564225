#include "analyzer/statistics/margin.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "analyzer/statistics/random.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

TEST_CASE("a threshold 2.7 deviations away is missed by 0.38 percent") {
  CHECK(margin_chance(20050, 150, 19649, FailingSide::below) == Approx(0.0038).margin(0.00005));
  CHECK(margin_chance(19248, 150, 19649, FailingSide::above) == Approx(0.0038).margin(0.00005));
}

TEST_CASE("recorded values are fitted with their doubt") {
  const std::vector<double> values{4.1, 4.4, 4.2, 4.9, 4.3, 4.0, 4.6, 4.5, 4.2, 4.3};
  const auto fit = fit_margin(values, 5, FailingSide::above);
  REQUIRE(fit);
  CHECK(fit->mean == Approx(4.35));
  CHECK(fit->deviation == Approx(0.26352).epsilon(1e-4));
  CHECK(fit->chance == Approx(margin_chance(fit->mean, fit->deviation, 5, FailingSide::above)));
  CHECK(fit->chance_interval.low < fit->chance);
  CHECK(fit->chance_interval.high > fit->chance);
  CHECK(fit->chance_interval.high < 0.2);
  std::vector<double> mirrored;
  for (const double value : values)
    mirrored.push_back(-value);
  const auto other = fit_margin(mirrored, -5, FailingSide::below);
  REQUIRE(other);
  CHECK(other->chance == Approx(fit->chance));
  CHECK(other->chance_interval.high == Approx(fit->chance_interval.high));
}

TEST_CASE("the interval of a margin holds its chance as often as promised") {
  const std::uint64_t seed = 31;
  INFO("seed " << seed);
  RandomStream random(seed);
  constexpr int simulations = 500;
  for (const double distance : {0.0, 1.5, 2.673}) {
    int held = 0;
    for (int i = 0; i < simulations; ++i) {
      std::array<double, 10> values{};
      for (double& value : values)
        value = 20050 + 150 * random.normal();
      const auto fit = fit_margin(values, 20050 - 150 * distance, FailingSide::below);
      REQUIRE(fit);
      const double chance = margin_chance(20050, 150, 20050 - 150 * distance, FailingSide::below);
      held += fit->chance_interval.low <= chance && chance <= fit->chance_interval.high ? 1 : 0;
    }
    INFO(distance);
    CHECK(held / static_cast<double>(simulations) == Approx(0.95).margin(3 * 0.0097));
  }
}

TEST_CASE("too few values, equal ones and far thresholds are no trouble") {
  const std::vector<double> two{1, 2};
  CHECK_FALSE(fit_margin(two, 3, FailingSide::above));
  const std::vector<double> equal{2, 2, 2, 2};
  CHECK_FALSE(fit_margin(equal, 3, FailingSide::above));
  for (const int count : {3, 10, 300, 5000}) {
    std::vector<double> values;
    for (int i = 0; i < count; ++i)
      values.push_back(i % 7);
    for (const double threshold : {-1e6, -100.0, 3.0, 100.0, 1e6}) {
      const auto fit = fit_margin(values, threshold, FailingSide::above);
      INFO(count << " values, threshold " << threshold);
      REQUIRE(fit);
      CHECK(fit->chance_interval.low <= fit->chance_interval.high);
      CHECK(fit->chance_interval.low <= fit->chance + 1e-9);
      CHECK(fit->chance_interval.high >= fit->chance - 1e-9);
    }
  }
}
