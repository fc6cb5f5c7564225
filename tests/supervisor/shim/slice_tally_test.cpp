#include "supervisor/shim/slice_tally.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "supervisor/shim/slice_copy.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

TEST_CASE("no duration is no quantile") { CHECK(DurationTally{}.quantile(0.5) == 0); }

TEST_CASE("quantiles of durations are right to a tenth, from microseconds to hours") {
  const auto seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  std::uniform_real_distribution<double> exponent{0, 10};
  DurationTally tally;
  std::vector<std::int64_t> all;
  for (int i = 0; i < 2001; ++i) {
    all.push_back(std::llround(std::pow(10, exponent(random))));
    tally.add(all.back());
  }
  std::sort(all.begin(), all.end());
  for (const double share : {0.01, 0.25, 0.5, 0.75, 0.99, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * 2001)) - 1;
    const auto wanted = static_cast<double>(all[rank]);
    INFO("share " << share);
    CHECK(std::abs(static_cast<double>(tally.quantile(share)) - wanted) <= wanted * 0.1);
  }
}

TEST_CASE("small durations are exact, and odd ones lie at the ends") {
  for (std::int64_t us = 0; us < 16; ++us) {
    DurationTally tally;
    tally.add(us);
    CHECK(tally.quantile(0.5) == us);
  }
  DurationTally odd;
  odd.add(-5);
  CHECK(odd.quantile(0.5) == 0);
  odd.add(INT64_MAX);
  CHECK(odd.quantile(1) > 3600ll * 1000 * 1000);
}

TEST_CASE("tallies add up") {
  DurationTally one, two;
  for (int i = 0; i < 10; ++i)
    one.add(5);
  for (int i = 0; i < 11; ++i)
    two.add(9);
  one.add(two);
  CHECK(one.quantile(0.47) == 5);
  CHECK(one.quantile(0.5) == 9);
}

TEST_CASE("what a copy tells of a run becomes the run of the log") {
  KeptMessage message;
  message.run = 12;
  message.copy = 3;
  message.seed = 77;
  message.kept = Kept::literal;
  message.exit_code = 0;
  message.duration_us = 1500;
  message.leftovers = 1;
  const SliceRun run = slice_run_of(message);
  CHECK((run.run == 12 && run.copy == 3 && run.seed == 77 && run.kept == Kept::literal));
  CHECK((run.exit_code == 0 && !run.term_signal && run.duration_us == 1500 && run.leftovers == 1));
  message.exit_code = -1;
  message.term_signal = 11;
  message.stood_still = true;
  const SliceRun killed = slice_run_of(message);
  CHECK((!killed.exit_code && killed.term_signal == 11 && killed.stood_still));
}

TEST_CASE("each run of a slice has a seed of its own, the same whenever the slice has the same") {
  std::set<std::uint64_t> seeds;
  for (const std::uint64_t slice_seed : {0ull, 1ull, 2ull, 0xffffffffull})
    for (std::int64_t run = 1; run <= 1000; ++run) {
      const std::uint64_t seed = seed_of_run(slice_seed, run);
      CHECK(seed < 1ull << 31);
      CHECK(seed == seed_of_run(slice_seed, run));
      seeds.insert(seed);
    }
  CHECK(seeds.size() >= 3990);  // of 4000 drawn from 2^31, at most a few are the same
}
