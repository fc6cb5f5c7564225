#include <algorithm>
#include <cmath>
#include <random>

#include "supervisor/campaign/policy.hpp"
#include "tests/supervisor/campaign/attempt_samples.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

/// A test that fails by chance, iteration by iteration.
struct Flake {
  double rate = 0.1;  // of one iteration
  int default_iterations = 1;
  std::int64_t start_ms = 500;
  std::int64_t iteration_ms = 4500;
  double worker_gain = 1;         // workers multiply the rate
  std::int64_t operation_ms = 0;  // above the watchdog: never passes unless it is raised
};

Played run(const Flake& flake, const RunAttempt& step, std::mt19937_64& random) {
  const int wanted = step.arm.iterations > 0 ? step.arm.iterations : flake.default_iterations;
  const double rate = 1 - std::pow(1 - flake.rate, step.arm.workers > 1 ? flake.worker_gain : 1.0);
  std::bernoulli_distribution fails{rate};
  const double limit_ms = step.arm.watchdog_scale * step.arm.operation_timeout_s * 1000;
  Played played{.exposure_ms = flake.start_ms};
  for (; played.iterations < wanted; ++played.iterations) {
    if (limit_ms > 0 && static_cast<double>(flake.operation_ms) > limit_ms) {
      played.exposure_ms += static_cast<std::int64_t>(limit_ms);
      played.verdict = Verdict::reproduced;
      return played;
    }
    played.exposure_ms += std::max(flake.iteration_ms, flake.operation_ms);
    if (played.exposure_ms > step.deadline_ms) {
      played.exposure_ms = step.deadline_ms;
      played.verdict = Verdict::timed_out;
      return played;
    }
    if (fails(random)) {
      played.verdict = Verdict::reproduced;
      return played;
    }
  }
  return played;
}

struct Ended {
  Finish finish;
  Progress progress;
};

Ended simulate(const Flake& flake, Policy policy, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  policy.seed = seed;
  Play play{.policy = policy};
  while (std::holds_alternative<RunAttempt>(play.step()))
    play.ends(run(flake, play.attempt(), random));
  return {play.finish(), play.now};
}

// Sanitizers look at the code, not at the shares, and make it twenty times as slow.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int fewer = 10;
#else
constexpr int fewer = 1;
#endif

/// Share of campaigns with this outcome; the seeds are 1 to `campaigns`.
double share(CampaignOutcome outcome, const Flake& flake, const Policy& policy, int campaigns) {
  campaigns = std::max(50, campaigns / fewer);
  int hits = 0;
  for (int seed = 1; seed <= campaigns; ++seed)
    hits += simulate(flake, policy, static_cast<std::uint64_t>(seed)).finish.outcome == outcome ? 1 : 0;
  return static_cast<double>(hits) / campaigns;
}

}  // namespace

TEST_CASE("a failure of 10 percent in runs of 5 s is reproduced within the quick budget") {
  // 48 runs fit before the reserve: 1 - 0.9^48 = 99.4 % already without any gain by amplifying.
  CHECK(share(CampaignOutcome::reproduced, Flake{}, Policy{}, 1000) > 0.985);
}

TEST_CASE("a failure that only workers bring out is reproduced too") {
  Flake flake{.rate = 0.002};
  flake.worker_gain = 100;
  const double amplified_share = share(CampaignOutcome::reproduced, flake, Policy{}, 500);
  flake.worker_gain = 1;
  CHECK(amplified_share > 0.9);
  CHECK(share(CampaignOutcome::reproduced, flake, Policy{}, 500) < 0.5);
}

TEST_CASE("what never fails is never reproduced, and the budget is kept") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Ended ended = simulate(Flake{.rate = 0}, Policy{}, seed);
    REQUIRE(ended.finish.outcome == CampaignOutcome::not_reproduced);
    REQUIRE(ended.progress.spent_ms <= 240000);
  }
}

TEST_CASE("the budget is kept whatever the test is like") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 random{seed};
    Flake flake{.rate = static_cast<double>(random() % 100) / 200};
    flake.default_iterations = 1 + static_cast<int>(random() % 100);
    flake.iteration_ms = 1 + static_cast<std::int64_t>(random() % 5000);
    INFO("seed " << seed);
    REQUIRE(simulate(flake, Policy{}, seed).progress.spent_ms <= 300000);
  }
}

TEST_CASE("a failure of 20 percent is hardly ever called deterministic") {
  // One iteration a run: six matches of six have probability 0.2^6 = 0.0064 %.
  CHECK(share(CampaignOutcome::deterministic, Flake{.rate = 0.2}, Policy{}, 4000) < 0.001);
}

TEST_CASE("a loop of fifty iterations that fails in nearly every run is not called deterministic") {
  // 5 % an iteration is 92 % a run; the same iteration six times has probability 0.05^6 / (1 - 0.95^6) < 0.0001 %.
  Flake loop{.rate = 0.05, .default_iterations = 50};
  loop.iteration_ms = 20;
  CHECK(share(CampaignOutcome::deterministic, loop, Policy{}, 5000) == 0);
  CHECK(share(CampaignOutcome::reproduced, loop, Policy{}, 1000) > 0.999);
}

TEST_CASE("what always fails is always called deterministic") {
  CHECK(share(CampaignOutcome::deterministic, Flake{.rate = 1}, Policy{}, 50) == 1);
}

TEST_CASE("an operation that is slower than the watchdog is always called a margin") {
  Flake gather{.rate = 0};
  gather.operation_ms = 8600;
  const Policy policy{.boards = 1, .device_timeout = true};
  CHECK(share(CampaignOutcome::margin, gather, policy, 50) == 1);
  gather.default_iterations = 50;
  CHECK(share(CampaignOutcome::margin, gather, policy, 50) == 1);
}

TEST_CASE("a device timeout that comes by chance is seldom called a margin") {
  // Two matches, then two slow passes with at most one match between: p^2 (1-p)^2 (1+p), 3.1 % at p = 20 %; 0 where
  // an iteration is faster than the watchdog, as nearly always.
  const Policy policy{.boards = 1, .device_timeout = true};
  Flake slow_start{.rate = 0.2};
  slow_start.start_ms = 6000;
  CHECK(share(CampaignOutcome::margin, slow_start, policy, 5000) < 0.04);
  Flake quick_iterations{.rate = 0.2, .default_iterations = 20};
  quick_iterations.iteration_ms = 100;
  CHECK(share(CampaignOutcome::margin, quick_iterations, policy, 5000) == 0);
}
