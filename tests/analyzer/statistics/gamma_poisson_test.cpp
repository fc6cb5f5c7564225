#include "analyzer/statistics/gamma_poisson.hpp"

#include <cmath>
#include <cstdint>

#include "tests/support/catch.hpp"

using namespace ndr;

TEST_CASE("the generator gives the published sequence") {
  // The reference code's first outputs from state 1234567.
  RandomStream random(1234567);
  CHECK(random.next() == 6457827717110365317U);
  CHECK(random.next() == 3203168211198807973U);
  CHECK(random.next() == 9817491932198370423U);
}

TEST_CASE("draws depend on the seed alone") {
  RandomStream random(42);
  RandomStream same(42);
  RandomStream other(43);
  const double first = draw_rate({3, 60}, random);
  CHECK(first == draw_rate({3, 60}, same));
  CHECK(first != draw_rate({3, 60}, other));
}

TEST_CASE("draws have the mean and the spread of their law") {
  const std::uint64_t seed = 5;
  INFO("seed " << seed);
  RandomStream random(seed);
  constexpr int draws = 40000;
  for (const double shape : {0.05, 0.5, 1.0, 3.5, 200.0}) {
    double sum = 0;
    double squares = 0;
    int below_median = 0;
    const double median = credible_bound({shape, 1}, 0.5);
    for (int i = 0; i < draws; ++i) {
      const double draw = random.gamma(shape);
      sum += draw;
      squares += draw * draw;
      below_median += draw < median ? 1 : 0;
    }
    const double mean = sum / draws;
    INFO(shape);
    CHECK(mean == Approx(shape).margin(4 * std::sqrt(shape / draws)));
    CHECK(squares / draws - mean * mean == Approx(shape).epsilon(0.15));
    CHECK(below_median / static_cast<double>(draws) == Approx(0.5).margin(0.01));
  }
}

TEST_CASE("a belief counts matches and seconds") {
  FailureBelief belief = belief_around(0.01, 0.5);
  CHECK(belief.mean() == Approx(0.01));
  CHECK(belief.seconds == Approx(50));
  belief.add(2, 150);
  belief.add(0, 50);
  CHECK(belief.mean() == Approx(2.5 / 250));
  CHECK(chance_of_match(belief, 250) == Approx(1 - std::pow(0.5, 2.5)));
  CHECK(credible_bound(belief, 0.95) > belief.mean());
}

TEST_CASE("a belief's chance of a match is the mean over its rates") {
  const std::uint64_t seed = 17;
  INFO("seed " << seed);
  RandomStream random(seed);
  const FailureBelief belief{1.5, 40};
  double sum = 0;
  for (int i = 0; i < 20000; ++i)
    sum += chance_of_match(draw_rate(belief, random), 30);
  CHECK(sum / 20000 == Approx(chance_of_match(belief, 30)).margin(0.01));
}

TEST_CASE("seconds without a match leave three over their number open") {
  CHECK(rate_bound_without_matches(100, 0.95) == Approx(0.029957).epsilon(1e-4));
  CHECK(chance_of_match(rate_bound_without_matches(100, 0.95), 100) == Approx(0.95));
  CHECK(chance_of_match(smallest_rate_per_second_seen(270), 270) == Approx(0.9));
}

TEST_CASE("Garwood's interval gives the published values") {
  struct Known {
    std::int64_t matched;
    double low, high;
  };
  for (const Known& known :
       {Known{0, 0, 3.689}, Known{1, 0.0253, 5.572}, Known{3, 0.619, 8.767}, Known{10, 4.795, 18.390}}) {
    const RatePerSecond rate = garwood(known.matched, 2, 0.95);
    INFO(known.matched);
    CHECK(rate.low == Approx(known.low / 2).margin(0.0005));
    CHECK(rate.high == Approx(known.high / 2).margin(0.0005));
  }
}

TEST_CASE("exposure until a match or the end of the time covers as promised") {
  const std::uint64_t seed = 23;
  INFO("seed " << seed);
  RandomStream random(seed);
  constexpr int simulations = 4000;
  for (const double rate : {0.005, 0.03, 0.2}) {
    int held = 0;
    for (int i = 0; i < simulations; ++i) {
      double now = 0;
      std::int64_t matched = 0;
      while (matched < 3) {
        now -= std::log(random.fraction()) / rate;
        if (now >= 100) break;
        ++matched;
      }
      const RatePerSecond interval = matched == 3 ? garwood_until(3, now, 0.95) : garwood(matched, 100, 0.95);
      held += interval.low <= rate && rate <= interval.high ? 1 : 0;
    }
    INFO(rate);
    CHECK(held / static_cast<double>(simulations) >= 0.95 - 3 * 0.0035);
  }
}
