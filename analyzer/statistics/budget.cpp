#include "analyzer/statistics/budget.hpp"

#include <algorithm>
#include <cmath>

#include "analyzer/assert.hpp"
#include "analyzer/statistics/fix_trial.hpp"

namespace ndr {

std::int64_t runs_in_budget(const BudgetPlan& plan) {
  NDR_ASSERT(plan.cycle_s + plan.reset_s > 0 && plan.workers >= 1);
  const double cycles = std::floor((plan.budget_s - plan.setup_s - plan.reserve_s) / (plan.cycle_s + plan.reset_s));
  return plan.workers * static_cast<std::int64_t>(std::max(0.0, cycles));
}

double match_purity(double wanted_rate, double other_rate, double accepted_fraction) {
  NDR_ASSERT(wanted_rate >= 0 && other_rate >= 0 && accepted_fraction >= 0);
  const double all = wanted_rate + other_rate * accepted_fraction;
  NDR_ASSERT(all > 0);
  return wanted_rate / all;
}

std::int64_t clean_runs_per_commit(double rate, std::int64_t commits, double risk) {
  NDR_ASSERT(commits >= 2);
  const double steps = std::ceil(std::log2(static_cast<double>(commits)));
  return clean_runs_at(rate, risk / steps);
}

}  // namespace ndr
