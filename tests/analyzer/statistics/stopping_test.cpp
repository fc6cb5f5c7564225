#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <utility>

#include "analyzer/statistics/confidence_sequence.hpp"
#include "analyzer/statistics/inverse_sampling.hpp"
#include "analyzer/statistics/random.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

struct Stop {
  std::int64_t matched = 0;
  std::int64_t runs = 0;
  auto operator<=>(const Stop&) const = default;
};

Stop run_until(std::int64_t wanted, std::int64_t limit, double rate, RandomStream& random) {
  Stop stop;
  while (stop.matched < wanted && stop.runs < limit) {
    ++stop.runs;
    stop.matched += random.fraction() < rate ? 1 : 0;
  }
  return stop;
}

bool holds(const Interval& interval, double rate) { return interval.low <= rate && rate <= interval.high; }

/// P(the k-th match comes at run n or earlier), run by run: nothing shared with the code under test.
double matched_by(std::int64_t wanted, std::int64_t runs, double rate) {
  std::map<std::int64_t, double> counts{{0, 1.0}};
  double stopped = 0;
  for (std::int64_t n = 0; n < runs; ++n) {
    std::map<std::int64_t, double> next;
    for (const auto& [matched, probability] : counts) {
      next[matched] += probability * (1 - rate);
      (matched + 1 == wanted ? stopped : next[matched + 1]) += probability * rate;
    }
    counts = std::move(next);
  }
  return stopped;
}

}  // namespace

TEST_CASE("the confidence sequence gives the published values") {
  const Interval some = confidence_sequence(3, 10, 0.95);
  CHECK(some.low == Approx(0.033).margin(0.0005));
  CHECK(some.high == Approx(0.748).margin(0.0005));
  const Interval none = confidence_sequence(0, 50, 0.95);
  CHECK(none.low == 0);
  CHECK(none.high == Approx(0.105).margin(0.0005));
  const Interval all = confidence_sequence(10, 10, 0.95);
  CHECK(all.low == Approx(0.623).margin(0.0005));
  CHECK(all.high == 1);
  CHECK(confidence_sequence(0, 0, 0.95).high == 1);
}

TEST_CASE("the intervals of all moments hold the rate as often as promised, those of fixed numbers do not") {
  const std::uint64_t seed = 20240611;
  INFO("seed " << seed);
  RandomStream random(seed);
  constexpr int paths = 1000;
  constexpr std::int64_t runs = 300;
  std::map<Stop, std::pair<Interval, Interval>> known;
  int sequence_missed = 0;
  int fixed_missed = 0;
  for (int path = 0; path < paths; ++path) {
    Stop now;
    bool sequence_held = true;
    bool fixed_held = true;
    while (now.runs < runs) {
      ++now.runs;
      now.matched += random.fraction() < 0.1 ? 1 : 0;
      auto found = known.find(now);
      if (found == known.end())
        found = known
                    .emplace(now, std::pair{confidence_sequence(now.matched, now.runs, 0.95),
                                            clopper_pearson(now.matched, now.runs, 0.95)})
                    .first;
      sequence_held = sequence_held && holds(found->second.first, 0.1);
      fixed_held = fixed_held && holds(found->second.second, 0.1);
    }
    sequence_missed += sequence_held ? 0 : 1;
    fixed_missed += fixed_held ? 0 : 1;
  }
  CHECK(sequence_missed <= 50);
  CHECK(fixed_missed > 100);
}

TEST_CASE("a confidence sequence stays inside itself at a million runs") {
  const Interval interval = confidence_sequence(1000, 1000000, 0.95);
  CHECK(interval.low == Approx(0.001).margin(0.0002));
  CHECK(interval.low < 0.001);
  CHECK(interval.high > 0.001);
  CHECK(interval.high < 0.0012);
}

TEST_CASE("a stop at the first match has the geometric interval") {
  for (const std::int64_t runs : {1, 2, 10, 400}) {
    const Interval interval = interval_until(1, 1, runs, 0.95);
    const Interval known = first_hit_interval(runs, 0.95);
    INFO(runs);
    CHECK(interval.low == Approx(known.low).epsilon(1e-9));
    CHECK(interval.high == Approx(known.high).epsilon(1e-9));
  }
}

TEST_CASE("at the ends of the interval of a stop such stops are just as unlikely as promised") {
  for (const std::int64_t wanted : {1, 3, 10})
    for (const std::int64_t runs : {10, 11, 17, 60}) {
      const Interval interval = interval_until(wanted, wanted, runs, 0.95);
      INFO(wanted << " at " << runs);
      CHECK(matched_by(wanted, runs, interval.low) == Approx(0.025).margin(1e-9));
      if (runs > wanted) CHECK(1 - matched_by(wanted, runs - 1, interval.high) == Approx(0.025).margin(1e-9));
      if (runs == wanted) CHECK(interval.high == 1);
    }
}

TEST_CASE("an end without enough matches has the interval of a fixed number of runs") {
  const Interval interval = interval_until(3, 2, 40, 0.95);
  const Interval fixed = clopper_pearson(2, 40, 0.95);
  CHECK(interval.low == fixed.low);
  CHECK(interval.high == fixed.high);
}

TEST_CASE("a batch of one run is a stop at its match, however it is computed") {
  for (const std::int64_t runs : {5, 12, 90}) {
    const Interval at_match = interval_until(3, 3, runs, 0.95);
    const Interval in_two = interval_until(3, 3, runs, 0.95, 2);
    const Interval in_one = interval_until(3, 3, runs, 0.95, runs);
    const Interval fixed = clopper_pearson(3, runs, 0.95);
    INFO(runs);
    CHECK(in_two.low <= at_match.low + 1e-12);
    CHECK(in_two.high >= at_match.high - 1e-12);
    CHECK(in_one.low == Approx(fixed.low).epsilon(1e-9));
    CHECK(in_one.high == Approx(fixed.high).epsilon(1e-9));
  }
}

TEST_CASE("the interval of a stopping rule holds the rate as often as promised") {
  const std::uint64_t seed = 7;
  INFO("seed " << seed);
  RandomStream random(seed);
  constexpr int simulations = 2000;
  constexpr double slack = 3 * 0.00487;  // deviations of a share of 95 % in so many
  for (const std::int64_t wanted : {1, 3, 10})
    for (const std::int64_t limit : {20, 100})
      for (const double rate : {0.005, 0.05, 0.2, 0.5}) {
        std::map<Stop, Interval> known;
        int held = 0;
        for (int i = 0; i < simulations; ++i) {
          const Stop stop = run_until(wanted, limit, rate, random);
          const auto [at, is_new] = known.try_emplace(stop);
          if (is_new) at->second = interval_until(wanted, stop.matched, stop.runs, 0.95);
          held += holds(at->second, rate) ? 1 : 0;
        }
        INFO("until " << wanted << " or " << limit << " runs at " << rate);
        CHECK(static_cast<double>(held) / simulations >= 0.95 - slack);
      }
}

TEST_CASE("batches that go on to their end are covered too") {
  const std::uint64_t seed = 11;
  INFO("seed " << seed);
  RandomStream random(seed);
  constexpr int simulations = 2000;
  for (const std::int64_t batch : {4, 25})
    for (const double rate : {0.02, 0.1, 0.5}) {
      std::map<Stop, Interval> known;
      int held = 0;
      for (int i = 0; i < simulations; ++i) {
        Stop stop;
        while (stop.matched < 3 && stop.runs < 100)
          for (std::int64_t n = 0; n < batch; ++n) {
            ++stop.runs;
            stop.matched += random.fraction() < rate ? 1 : 0;
          }
        const auto [at, is_new] = known.try_emplace(stop);
        if (is_new) at->second = interval_until(3, stop.matched, stop.runs, 0.95, batch);
        held += holds(at->second, rate) ? 1 : 0;
      }
      INFO("batches of " << batch << " at " << rate);
      CHECK(static_cast<double>(held) / simulations >= 0.95 - 3 * 0.00487);
    }
}

TEST_CASE("time that a match takes longer is taken off the upper bound of an end") {
  const std::uint64_t seed = 13;
  INFO("seed " << seed);
  RandomStream random(seed);
  constexpr int simulations = 20000;
  for (const std::int64_t match_s : {1, 5, 15})
    for (const double rate : {0.01, 0.04, 0.07, 0.1, 0.2}) {
      std::map<Stop, Interval> known;
      int held = 0;
      for (int i = 0; i < simulations; ++i) {
        Stop stop;
        for (std::int64_t left_s = 60; stop.matched < 3;) {
          const bool matched = random.fraction() < rate;
          left_s -= matched ? match_s : 1;
          if (left_s < 0) break;
          ++stop.runs;
          stop.matched += matched ? 1 : 0;
        }
        const auto [at, is_new] = known.try_emplace(stop);
        if (is_new) {
          at->second = interval_until(3, stop.matched, stop.runs, 0.95);
          const std::int64_t fewer = std::max(stop.matched, stop.runs - (match_s - 1));
          if (stop.matched < 3) at->second.high = interval_until(3, stop.matched, fewer, 0.95).high;
        }
        held += holds(at->second, rate) ? 1 : 0;
      }
      INFO("a match takes " << match_s << " s, at " << rate);
      CHECK(static_cast<double>(held) / simulations >= 0.95 - 3 * 0.00154);
    }
}
