#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/campaign/policy.hpp"

namespace ndr {

/// Name of the variable by which run_test.sh is told to test another checkout than its own.
inline constexpr std::string_view checkout_variable = "NDREPRO_REPOSITORY";

/// Pure: the next act of a verification. The two builds take turns, so that what changes on the host changes for both:
/// evenly until the control has shown that it still fails, then a fifth of the time is the control's. It ends as fixed
/// only where the control fails as before; where that passes for as long as a mended build should, nothing is proven.
/// A build that should be mended and matched, though more rarely than before, is not fixed either.
Step verify_step(const Policy& policy, const Progress& now);

/// Pure: adds an attempt to the runs of its build, and decides.
void count_trial(const Verification& plan, const AttemptRow& row, Progress& now);

/// Clean runs that are missing for "fixed", if none matches; 0: decided.
std::int64_t clean_runs_to_go(const Verification& plan, const Progress& now);

/// Clean runs that it takes when none matches, and about how long, controls included, at the speed of the baseline.
struct TrialForecast {
  std::int64_t clean_runs = 0;
  std::int64_t duration_ms = 0;
};
TrialForecast forecast_of(const Verification& plan);

/// P(a program as it was comes through these runs with no match), over all rates that the baseline leaves open; after a
/// match the stated risk, which bounds the test whatever came.
double miss_probability_of(const Verification& plan, const TrialCount& fixed_runs);

/// One line each for people: what it will take (and that the budget is too small for it), and how far it is.
std::string forecast_text(const Policy& policy);
std::string trial_text(const Verification& plan, const Progress& now);

/// Lets the run test the checkout that the attempt's subject asks for.
void add_checkout(const Verification& plan, const AttemptRow& row,
                  std::vector<std::pair<std::string, std::string>>& environment);

/// What the report of a verification says beside its outcome, JSON text; see README.md for its keys.
std::string verification_json(const Policy& policy, const Progress& now);

}  // namespace ndr
