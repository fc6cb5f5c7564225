#pragma once
#include <cstdint>

namespace ndr {

enum class FixState { still_failing, undecided, fixed };

/// Wald's sequential probability ratio test (Ann. Math. Stat. 16, 1945) of "still broken", runs match at p1, against
/// "fixed", they match at a tenth of p1 at most. A clean run adds ln((1-p1)/(1-p0)), a match ln(p1/p0) = 2.30; at
/// ln((1-risk)/risk) it still fails, at ln(risk/(1-risk)) it is fixed. Wald's bounds: a fix of a program that matches
/// at p1 or more is accepted, and one at p0 or less refused, with probability risk / (1 - risk) at most each, both
/// together 2 risk at most; since runs come whole, in fact less. What is decided stays decided.
class Sprt {
public:
  /// 0 < p1 < 1, 0 < risk < 1/2. It is never fixed by fewer than `least_clean` clean runs.
  Sprt(double broken_rate, double risk, std::int64_t least_clean = 0);

  /// Runs that were judged since. Of a bulk only the sums count: it is decided at its end.
  void add(std::int64_t clean, std::int64_t matched);
  FixState state() const { return state_; }
  /// So many more without a match make it fixed; 0 where it is decided.
  std::int64_t clean_runs_to_go() const;

  /// Where it would be decided, for plans and for what is said of risks: clean runs of all at which it is fixed after
  /// so many matches, and whether it still fails.
  std::int64_t clean_runs_to_fixed(std::int64_t matched) const;
  bool is_failing_at(std::int64_t clean, std::int64_t matched) const;

  double broken_rate() const { return broken_rate_; }
  std::int64_t clean() const { return clean_; }
  std::int64_t matched() const { return matched_; }

private:
  double broken_rate_;
  double clean_step_;  // taken off by a clean run
  double match_step_;
  double bound_;
  std::int64_t least_clean_;
  std::int64_t clean_ = 0;
  std::int64_t matched_ = 0;
  FixState state_ = FixState::undecided;
};

}  // namespace ndr
