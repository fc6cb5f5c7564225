#include "analyzer/statistics/fix_trial.hpp"

#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <vector>

#include "analyzer/assert.hpp"

namespace ndr {
namespace {

/// Beta(a, b) of the rate.
struct RatePosterior {
  double a;
  double b;
};

RatePosterior posterior_of(const Baseline& baseline) {
  NDR_ASSERT(baseline.matched >= 1 && baseline.runs >= baseline.matched);
  return {static_cast<double>(baseline.matched) + (baseline.until_matched ? 0.0 : 0.5),
          static_cast<double>(baseline.runs - baseline.matched) + 0.5};
}

/// Every way through a test at once, run by run: the probability of each number of matches so far, as long as it is
/// undecided. A handful at most lie between the two bounds, which move up together.
class TestPaths {
public:
  TestPaths(const Sprt& test, const RatePosterior& posterior) : test_(test), posterior_(posterior) { add_count(); }

  /// One run further.
  void step() {
    if (open_.back().probability > 0) add_count();
    undecided_ = 0;
    double from_below = 0;
    for (OpenCount& count : open_) {
      const std::int64_t clean = runs_ - count.matched;
      const double rate = (posterior_.a + static_cast<double>(count.matched)) /
                          (posterior_.a + posterior_.b + static_cast<double>(runs_));
      const double stays = count.probability * (1 - rate);
      const double rises = count.probability * rate;
      const bool is_fixed = clean + 1 >= count.clean_to_fixed;
      fixed_ += is_fixed ? stays : 0;
      count.probability = (is_fixed ? 0 : stays) + from_below;
      undecided_ += count.probability;
      from_below = rises > 0 && !test_.is_failing_at(clean, count.matched + 1) ? rises : 0;
    }
    while (open_.size() > 1 && open_.front().clean_to_fixed <= runs_ + 1 - open_.front().matched)
      open_.erase(open_.begin());
    ++runs_;
  }

  double fixed() const { return fixed_; }
  double undecided() const { return undecided_; }

private:
  struct OpenCount {
    std::int64_t matched = 0;
    std::int64_t clean_to_fixed = 0;
    double probability = 0;
  };

  void add_count() {
    const std::int64_t matched = open_.empty() ? 0 : open_.back().matched + 1;
    open_.push_back({matched, test_.clean_runs_to_fixed(matched), open_.empty() ? 1.0 : 0.0});
  }

  const Sprt& test_;
  const RatePosterior& posterior_;
  std::vector<OpenCount> open_;
  std::int64_t runs_ = 0;
  double fixed_ = 0;
  double undecided_ = 1;
};

}  // namespace

std::int64_t clean_runs_at(double rate, double risk) {
  NDR_ASSERT(rate > 0 && rate < 1 && risk > 0 && risk < 1);
  return static_cast<std::int64_t>(std::ceil(std::log(risk) / std::log1p(-rate)));
}

double miss_probability(std::int64_t clean_runs, const Baseline& baseline) {
  NDR_ASSERT(clean_runs >= 0);
  using boost::math::lgamma;
  const auto [a, b] = posterior_of(baseline);
  const auto n = static_cast<double>(clean_runs);
  return std::exp(lgamma(b + n) - lgamma(a + b + n) - lgamma(b) + lgamma(a + b));
}

std::int64_t clean_runs_needed(const Baseline& baseline, double risk) {
  NDR_ASSERT(risk > 0 && risk < 1);
  std::int64_t enough = 1;
  while (miss_probability(enough, baseline) > risk)
    enough *= 2;
  std::int64_t too_few = enough / 2;
  while (enough - too_few > 1) {
    const std::int64_t middle = too_few + (enough - too_few) / 2;
    (miss_probability(middle, baseline) > risk ? too_few : enough) = middle;
  }
  return enough;
}

double false_fix_probability(const Sprt& test, const Baseline& baseline) {
  const RatePosterior posterior = posterior_of(baseline);
  constexpr double negligible = 1e-6;  // and counted as fixed, so that the sum errs on the safe side
  TestPaths paths(test, posterior);
  while (paths.undecided() > negligible)
    paths.step();
  return paths.fixed() + paths.undecided();
}

double broken_rate_for(const Baseline& baseline, double risk) {
  const auto [a, b] = posterior_of(baseline);
  // Where matches are rare, blocks of runs are as good as runs, up to less than a hundredth; of millions of runs each
  // way would be too long to follow.
  constexpr std::int64_t rare = 2000;
  if (const std::int64_t block = baseline.runs / baseline.matched / rare; block >= 2)
    return 0.99 / static_cast<double>(block) *
           broken_rate_for({baseline.matched, baseline.runs / block, baseline.until_matched}, risk);
  const auto keeps_risk = [&](double rate) { return false_fix_probability(Sprt(rate, risk), baseline) <= risk; };
  double high = a / (a + b);
  if (keeps_risk(high)) return high;
  double low = high / 2;
  while (!keeps_risk(low)) {
    high = low;
    low /= 2;
  }
  // To a thousandth: runs come whole, and each trial of a rate goes through all ways of the test.
  while (high / low > 1.001) {
    const double middle = std::sqrt(low * high);
    (keeps_risk(middle) ? low : high) = middle;
  }
  return low;
}

Sprt fix_trial(const Baseline& baseline, double risk) {
  return Sprt{broken_rate_for(baseline, risk), risk, clean_runs_needed(baseline, risk)};
}

}  // namespace ndr
