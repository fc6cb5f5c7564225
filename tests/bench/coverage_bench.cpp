// Whether the intervals of a campaign's stopping rule hold what they promise: runs go on until k match or N were made.
//   coverage_bench [SIMULATIONS [SEED]]   {seed, simulations, rules: [...], worst_coverage, ...}; status 1 where the
//                                         coverage falls short of 95 % by more than three deviations of the simulation,
//                                         or the mean width exceeds 1.15 times that of the reference
// The reference inverts the distribution of all outcomes, found run by run, and shares nothing with the library; beside
// it Blaker's interval (Can. J. Stat. 28, 2000), the shortest that is known to cover, and Clopper and Pearson's taken
// as if the number of runs had been fixed, one-sided without a match.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "analyzer/statistics/inverse_sampling.hpp"
#include "analyzer/statistics/random.hpp"

namespace {

using namespace ndr;

struct Rule {
  std::int64_t wanted;
  std::int64_t limit;

  /// In their order: ends with 0 matches and more, then stops from the last run to the first possible.
  std::size_t outcomes() const { return static_cast<std::size_t>(limit + 1); }
  std::size_t place_of_end(std::int64_t matched) const { return static_cast<std::size_t>(matched); }
  std::size_t place_of_stop(std::int64_t runs) const { return static_cast<std::size_t>(wanted + limit - runs); }
  std::int64_t matched_at(std::size_t place) const { return std::min(wanted, static_cast<std::int64_t>(place)); }
  std::int64_t runs_at(std::size_t place) const {
    return static_cast<std::int64_t>(place) < wanted ? limit : limit + wanted - static_cast<std::int64_t>(place);
  }
};

/// Of each outcome, run by run.
std::vector<double> probabilities(const Rule& rule, double rate) {
  std::vector<double> of_outcomes(rule.outcomes());
  std::vector<double> standing(static_cast<std::size_t>(rule.wanted));
  standing[0] = 1;
  for (std::int64_t run = 1; run <= rule.limit; ++run) {
    if (run >= rule.wanted) of_outcomes[rule.place_of_stop(run)] = standing.back() * rate;
    for (std::size_t j = standing.size() - 1; j > 0; --j)
      standing[j] = standing[j] * (1 - rate) + standing[j - 1] * rate;
    standing[0] *= 1 - rate;
  }
  for (std::int64_t j = 0; j < rule.wanted; ++j)
    of_outcomes[rule.place_of_end(j)] = standing[static_cast<std::size_t>(j)];
  return of_outcomes;
}

double sum_of(const std::vector<double>& values, std::size_t from, std::size_t to) {
  double sum = 0;
  for (std::size_t i = from; i < to; ++i)
    sum += values[i];
  return sum;
}

/// By trying rates: where so high, or so low, an outcome has 2.5 %.
Interval inverted(const Rule& rule, std::size_t place) {
  Interval interval;
  for (const bool lower : {true, false}) {
    if (place == (lower ? 0 : rule.outcomes() - 1)) continue;
    double low = 0;
    double high = 1;
    for (int i = 0; i < 50; ++i) {
      const double rate = (low + high) / 2;
      const std::vector<double> all = probabilities(rule, rate);
      const bool too_high = lower ? sum_of(all, place, all.size()) > 0.025 : sum_of(all, 0, place + 1) < 0.025;
      (too_high ? high : low) = rate;
    }
    (lower ? interval.low : interval.high) = (low + high) / 2;
  }
  return interval;
}

/// An outcome is accepted at a rate where it, and all that lies as far out on the other side, has more than 5 %.
std::vector<Interval> blaker(const Rule& rule) {
  std::vector<Interval> intervals(rule.outcomes(), Interval{1, 0});
  for (double logit = -13; logit <= 13; logit += 0.005) {
    const double rate = 1 / (1 + std::exp(-logit));
    const std::vector<double> all = probabilities(rule, rate);
    const std::size_t n = all.size();
    std::vector<double> below(n + 1);
    std::vector<double> above(n + 1);
    for (std::size_t i = 0; i < n; ++i)
      below[i + 1] = below[i] + all[i];
    for (std::size_t i = n; i > 0; --i)
      above[i - 1] = above[i] + all[i - 1];
    for (std::size_t i = 0; i < n; ++i) {
      const bool low_side = below[i + 1] <= above[i];
      const double tail = std::min(below[i + 1], above[i]);
      double other = 0;
      if (low_side)
        other = *std::lower_bound(above.begin(), above.end(), tail, [](double one, double of) { return one > of; });
      else
        other = *(std::upper_bound(below.begin(), below.end(), tail) - 1);
      if (tail + other <= 0.05) continue;
      intervals[i] = {std::min(intervals[i].low, rate), std::max(intervals[i].high, rate)};
    }
  }
  intervals.front().low = 0;
  intervals.back().high = 1;
  return intervals;
}

/// As if the number of runs had been fixed.
Interval naive(std::int64_t matched, std::int64_t runs) {
  if (matched == 0) return {0, upper_bound_without_hits(runs, 0.95)};
  return clopper_pearson(matched, runs, 0.95);
}

struct Intervals {
  std::vector<Interval> ours, reference, shortest, fixed;
};

Intervals intervals_of(const Rule& rule) {
  Intervals all;
  for (std::size_t place = 0; place < rule.outcomes(); ++place) {
    const std::int64_t matched = rule.matched_at(place);
    const std::int64_t runs = rule.runs_at(place);
    all.ours.push_back(interval_until(rule.wanted, matched, runs, 0.95));
    all.reference.push_back(inverted(rule, place));
    all.fixed.push_back(naive(matched, runs));
  }
  all.shortest = blaker(rule);
  return all;
}

struct Quality {
  double coverage = 0;
  double width = 0;
};

Quality quality(const std::vector<Interval>& intervals, const std::vector<double>& weights, double rate) {
  Quality sum;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    sum.coverage += intervals[i].low <= rate && rate <= intervals[i].high ? weights[i] : 0;
    sum.width += weights[i] * (intervals[i].high - intervals[i].low);
  }
  return sum;
}

std::vector<double> simulated(const Rule& rule, double rate, int simulations, RandomStream& random) {
  std::vector<double> shares(rule.outcomes());
  for (int i = 0; i < simulations; ++i) {
    std::int64_t matched = 0;
    std::int64_t runs = 0;
    while (matched < rule.wanted && runs < rule.limit) {
      ++runs;
      matched += random.fraction() < rate ? 1 : 0;
    }
    shares[matched == rule.wanted ? rule.place_of_stop(runs) : rule.place_of_end(matched)] += 1.0 / simulations;
  }
  return shares;
}

struct Worst {
  double coverage = 1;
  double exact_coverage = 1;
  double fixed_coverage = 1;
  double width_ratio = 0;
  double shortest_ratio = 0;
};

void print_rule(const Rule& rule, int simulations, RandomStream& random, Worst& worst) {
  const Intervals all = intervals_of(rule);
  for (const double rate : {0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5}) {
    const std::vector<double> shares = simulated(rule, rate, simulations, random);
    const std::vector<double> exact = probabilities(rule, rate);
    const Quality ours = quality(all.ours, shares, rate);
    const Quality ours_exact = quality(all.ours, exact, rate);
    const Quality fixed = quality(all.fixed, exact, rate);
    const double to_reference = ours_exact.width / quality(all.reference, exact, rate).width;
    const double to_shortest = ours_exact.width / quality(all.shortest, exact, rate).width;
    std::printf(
        "%s  {\"wanted\": %d, \"limit\": %d, \"rate\": %g, \"coverage\": %.4f, \"exact_coverage\": %.4f, "
        "\"width\": %.4f, \"width_ratio\": %.4f, \"width_ratio_blaker\": %.4f, \"coverage_as_if_fixed\": %.4f, "
        "\"width_as_if_fixed\": %.4f}",
        worst.width_ratio > 0 ? ",\n" : "", static_cast<int>(rule.wanted), static_cast<int>(rule.limit), rate,
        ours.coverage, ours_exact.coverage, ours.width, to_reference, to_shortest, fixed.coverage, fixed.width);
    worst.coverage = std::min(worst.coverage, ours.coverage);
    worst.exact_coverage = std::min(worst.exact_coverage, ours_exact.coverage);
    worst.fixed_coverage = std::min(worst.fixed_coverage, fixed.coverage);
    worst.width_ratio = std::max(worst.width_ratio, to_reference);
    worst.shortest_ratio = std::max(worst.shortest_ratio, to_shortest);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int simulations = argc > 1 ? static_cast<int>(std::strtol(argv[1], nullptr, 10)) : 20000;
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20240611;
  if (simulations < 1) {
    std::fprintf(stderr, "coverage_bench: SIMULATIONS must be at least 1: coverage_bench [SIMULATIONS [SEED]]\n");
    return 2;
  }
  RandomStream random(seed);
  Worst worst;
  std::printf("{\"seed\": %llu, \"simulations\": %d, \"rules\": [\n", static_cast<unsigned long long>(seed),
              simulations);
  for (const std::int64_t wanted : {1, 3, 5, 10})
    for (const std::int64_t limit : {20, 100, 1000})
      print_rule({wanted, limit}, simulations, random, worst);
  const double least = 0.95 - 3 * std::sqrt(0.95 * 0.05 / simulations);
  std::printf(
      "\n], \"worst_coverage\": %.4f, \"least_allowed\": %.4f, \"worst_exact_coverage\": %.4f, "
      "\"worst_width_ratio\": %.4f, \"worst_width_ratio_blaker\": %.4f, \"worst_coverage_as_if_fixed\": %.4f}\n",
      worst.coverage, least, worst.exact_coverage, worst.width_ratio, worst.shortest_ratio, worst.fixed_coverage);
  return worst.coverage >= least && worst.width_ratio <= 1.15 ? 0 : 1;
}
