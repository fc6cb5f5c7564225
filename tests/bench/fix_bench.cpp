// How often the test of a fix is wrong, and what it costs.
//   fix_bench [SIMULATIONS [SEED]]   {seed, simulations, sequential: [...], trials: [...], rates: [...], sites: [...],
//                                    watched: [...]}; status 1 where an error is more frequent than promised by more
//                                    than three deviations of the simulation
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include "analyzer/statistics/confidence_sequence.hpp"
#include "analyzer/statistics/fix_trial.hpp"
#include "analyzer/statistics/random.hpp"
#include "analyzer/statistics/site_evidence.hpp"

namespace {

using namespace ndr;

constexpr double risk = 0.05;

struct Tally {
  std::int64_t trials = 0;
  std::int64_t fixed = 0;
  std::int64_t failing = 0;
  std::int64_t runs = 0;

  double share(std::int64_t count) const {
    return static_cast<double>(count) / static_cast<double>(std::max<std::int64_t>(trials, 1));
  }
};

/// Whether a share is above `allowed` by more than the simulation's error.
bool is_above(double share, double allowed, std::int64_t trials) {
  return share > allowed + 3 * std::sqrt(allowed * (1 - allowed) / static_cast<double>(trials));
}

void decide(Sprt test, double rate, RandomStream& random, Tally& tally) {
  while (test.state() == FixState::undecided) {
    const bool matched = random.fraction() < rate;
    test.add(matched ? 0 : 1, matched ? 1 : 0);
  }
  ++tally.trials;
  tally.fixed += test.state() == FixState::fixed ? 1 : 0;
  tally.failing += test.state() == FixState::still_failing ? 1 : 0;
  tally.runs += test.clean() + test.matched();
}

/// A known rate: broken as it was, and fixed to a tenth of it.
bool print_sequential(int simulations, RandomStream& random) {
  bool holds = true;
  const char* comma = "";
  for (const double rate : {0.01, 0.05, 0.1, 0.3, 0.7}) {
    Tally broken;
    Tally fixed;
    const Sprt test(rate, risk);
    for (int i = 0; i < simulations; ++i) {
      decide(test, rate, random, broken);
      decide(test, rate / 10, random, fixed);
    }
    holds = holds && !is_above(broken.share(broken.fixed), risk, simulations) &&
            !is_above(fixed.share(fixed.failing), risk, simulations);
    std::printf(
        "%s\n  {\"rate\": %g, \"clean_runs\": %d, \"broken_called_fixed\": %.4f, \"runs_broken\": %.1f, "
        "\"fixed_called_failing\": %.4f, \"runs_fixed\": %.1f}",
        comma, rate, static_cast<int>(test.clean_runs_to_go()), broken.share(broken.fixed), broken.share(broken.runs),
        fixed.share(fixed.failing), fixed.share(fixed.runs));
    comma = ",";
  }
  return holds;
}

/// Baselines of one kind, and the tests that follow them.
class Trials {
public:
  Trials(std::int64_t wanted, std::int64_t limit, bool until_matched)
      : wanted_(wanted), limit_(limit), until_matched_(until_matched) {}

  /// Runs until enough match or the limit; without a match there is nothing to test against.
  void run(double rate, RandomStream& random, Tally& tally) {
    Baseline baseline{.until_matched = until_matched_};
    while (baseline.matched < wanted_ && baseline.runs < limit_) {
      ++baseline.runs;
      baseline.matched += random.fraction() < rate ? 1 : 0;
    }
    if (baseline.matched == 0) return;
    const std::pair key{baseline.matched, baseline.runs};
    auto test = known_.find(key);
    if (test == known_.end()) test = known_.emplace(key, fix_trial(baseline, risk)).first;
    decide(test->second, rate, random, tally);
  }

private:
  std::int64_t wanted_;
  std::int64_t limit_;
  bool until_matched_;
  std::map<std::pair<std::int64_t, std::int64_t>, Sprt> known_;
};

/// Rates from the prior: what is promised.
bool print_trials(int simulations, RandomStream& random) {
  bool holds = true;
  const char* comma = "";
  for (const std::int64_t wanted : {1, 3, 10})
    for (const bool until_matched : {false, true}) {
      Trials trials(wanted, 300, until_matched);
      Tally tally;
      for (int i = 0; i < simulations; ++i)
        trials.run(random.beta(0.5, 0.5), random, tally);
      holds = holds && !is_above(tally.share(tally.fixed), risk, tally.trials);
      std::printf("%s\n  {\"wanted\": %d, \"until_matched\": %s, \"trials\": %d, \"broken_called_fixed\": %.4f}", comma,
                  static_cast<int>(wanted), until_matched ? "true" : "false", static_cast<int>(tally.trials),
                  tally.share(tally.fixed));
      comma = ",";
    }
  return holds;
}

/// Each rate by itself: promised for small ones with `until_matched`.
bool print_rates(int simulations, RandomStream& random) {
  bool holds = true;
  const char* comma = "";
  for (const std::int64_t wanted : {1, 3, 10})
    for (const bool until_matched : {false, true}) {
      Trials trials(wanted, 100000, until_matched);
      for (const double rate : {0.02, 0.05, 0.1, 0.3, 0.6}) {
        Tally broken;
        for (int i = 0; i < simulations; ++i)
          trials.run(rate, random, broken);
        holds = holds && !(until_matched && rate < 0.15 && is_above(broken.share(broken.fixed), risk, broken.trials));
        std::printf(
            "%s\n  {\"wanted\": %d, \"until_matched\": %s, \"rate\": %g, \"broken_called_fixed\": %.4f, "
            "\"runs\": %.1f}",
            comma, static_cast<int>(wanted), until_matched ? "true" : "false", rate, broken.share(broken.fixed),
            broken.share(broken.runs));
        comma = ",";
      }
    }
  return holds;
}

/// Sites that have nothing to do with the failure, alone and in groups that are delayed together.
bool print_sites(int searches, RandomStream& random) {
  bool holds = true;
  const char* comma = "";
  for (const std::size_t group : {1, 5, 20}) {
    int named = 0;
    for (int search = 0; search < searches; ++search) {
      std::vector<DelayedRuns> sites(200);
      std::int64_t matched = 0;
      std::int64_t passed = 0;
      while (matched < 10 && matched + passed < 300) {
        const bool matches = random.fraction() < 0.15;
        ++(matches ? matched : passed);
        bool delayed = false;
        for (std::size_t i = 0; i < sites.size(); ++i) {
          if (i % group == 0) delayed = random.fraction() < 0.05 + 0.0045 * static_cast<double>(i);
          if (delayed) ++(matches ? sites[i].matched : sites[i].passed);
        }
      }
      named += rank_sites(sites, matched, passed)[0].stands_out ? 1 : 0;
    }
    holds = holds && !is_above(named / static_cast<double>(searches), 0.01, searches);
    std::printf("%s\n  {\"sites\": 200, \"group\": %d, \"searches\": %d, \"named\": %d}", comma,
                static_cast<int>(group), searches, named);
    comma = ",";
  }
  return holds;
}

/// Pages watched for a thousand runs: how often an interval left the rate out at any moment.
bool print_watched(int paths, RandomStream& random) {
  bool holds = true;
  const char* comma = "";
  for (const double rate : {0.01, 0.1, 0.5}) {
    std::map<std::pair<std::int64_t, std::int64_t>, bool> known;
    int missed = 0;
    for (int path = 0; path < paths; ++path) {
      bool held = true;
      std::int64_t matched = 0;
      for (std::int64_t runs = 1; runs <= 1000 && held; ++runs) {
        matched += random.fraction() < rate ? 1 : 0;
        const auto [at, is_new] = known.try_emplace(std::pair{matched, runs});
        if (is_new) {
          const Interval interval = confidence_sequence(matched, runs, 0.95);
          at->second = interval.low <= rate && rate <= interval.high;
        }
        held = at->second;
      }
      missed += held ? 0 : 1;
    }
    holds = holds && !is_above(missed / static_cast<double>(paths), risk, paths);
    std::printf("%s\n  {\"rate\": %g, \"paths\": %d, \"missed\": %.4f}", comma, rate, paths,
                missed / static_cast<double>(paths));
    comma = ",";
  }
  return holds;
}

}  // namespace

int main(int argc, char** argv) {
  const int simulations = argc > 1 ? static_cast<int>(std::strtol(argv[1], nullptr, 10)) : 20000;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20240611;
  if (simulations < 1) {
    std::fprintf(stderr, "fix_bench: SIMULATIONS must be at least 1: fix_bench [SIMULATIONS [SEED]]\n");
    return 2;
  }
  RandomStream random(seed);
  std::printf("{\"seed\": %llu, \"simulations\": %d, \"sequential\": [", static_cast<unsigned long long>(seed),
              simulations);
  bool holds = print_sequential(simulations, random);
  std::printf("],\n\"trials\": [");
  holds = print_trials(simulations, random) && holds;
  std::printf("],\n\"rates\": [");
  holds = print_rates(simulations, random) && holds;
  std::printf("],\n\"sites\": [");
  holds = print_sites(std::min(simulations, 2000), random) && holds;
  std::printf("],\n\"watched\": [");
  holds = print_watched(std::min(simulations, 2000), random) && holds;
  std::printf("], \"holds\": %s}\n", holds ? "true" : "false");
  return holds ? 0 : 1;
}
