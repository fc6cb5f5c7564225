#pragma once
#include <cstdint>

namespace ndr {

/// Runs that fit into a budget: workers x floor((budget - setup - reserve) / (cycle + reset)), all in seconds. 0 where
/// none fits; cycle + reset > 0, workers >= 1.
struct BudgetPlan {
  double budget_s = 0;
  double setup_s = 0;
  double reserve_s = 0;  // kept for confirming what is found
  double cycle_s = 0;    // of one run
  double reset_s = 0;    // after each run
  std::int64_t workers = 1;
};

std::int64_t runs_in_budget(const BudgetPlan& plan);

/// The share of matches that are CI's failure: p / (p + u f), by Bayes. Runs fail as in CI at rate p and otherwise at
/// rate u, of which the signature takes a fraction f for CI's. p + u f > 0.
double match_purity(double wanted_rate, double other_rate, double accepted_fraction);

/// Clean runs after which a bisection over `commits` calls a commit good, so that one that fails at `rate` is called
/// good on none of the way with probability 1 - risk: ln(risk / log2(commits)) / ln(1 - rate), rounded up (Bonferroni
/// over the steps). 0 < rate < 1, commits >= 2.
std::int64_t clean_runs_per_commit(double rate, std::int64_t commits, double risk);

}  // namespace ndr
