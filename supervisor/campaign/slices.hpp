#pragma once
#include <string>
#include <vector>

#include "supervisor/campaign/policy.hpp"

namespace ndr {

/// An arm of a slice by its name, at one of three levels (0: as measured to be best, 1: three times as strong, 2: a
/// third); its delays are scaled to how long a run of the test takes.
Arm slice_arm(const std::string& name, int level, const Policy& policy, const Progress& now);

/// How long such a slice lasts and what its runs are held to.
SlicePlan slice_plan(const Policy& policy, const Progress& now, const Arm& arm);

/// Whether the campaign goes on with slices: nothing but the host is leased, and runs are short enough.
bool uses_slices(const Policy& policy, const Progress& now);

/// Phase A, until the first match: interleaved slices at random. A tenth of the time is for plain controls, every arm
/// has at least a twentieth; else by its weight, less with every second that it was tried in vain.
RunAttempt search_slice(const Policy& policy, const Progress& now);

/// Phase B, until enough have matched: the arms that hit, by Thompson sampling on matches per second, one slice in ten
/// a plain control.
RunAttempt confirm_slice(const Policy& policy, const Progress& now);

/// Phase C: the next weaker arm to be tried, weakest first; nothing when the weakest that still fails is known, or the
/// time for it is over.
std::optional<RunAttempt> reduce_slice(const Policy& policy, const Progress& now);

/// The weakest arm and smallest parameters that matched; nothing before the first match.
std::optional<Arm> recipe_arm(const Policy& policy, const Progress& now);

/// Slices of the best arm that notes where it delays, with fewer delays a run and to their full length: so that runs
/// which matched differ from those which passed in what was delayed (where it races). Nothing when there are enough of
/// both, no such arm hit, or a twentieth of the budget is spent on it.
std::optional<RunAttempt> compare_slice(const Policy& policy, const Progress& now);

/// The script by itself with the recipe in it, once: it has to hit before its time is over. Nothing where it has been
/// run, cannot hold a recipe, or there is no time.
std::optional<RunAttempt> recipe_run(const Policy& policy, const Progress& now);

/// How strong an arm is, for "weaker": kinds of arms first, then copies and chances.
double strength_of(const Arm& arm);

}  // namespace ndr
