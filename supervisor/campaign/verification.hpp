#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "analyzer/statistics/fix_trial.hpp"
#include "storage/records.hpp"
#include "supervisor/ports.hpp"

namespace ndr {

/// Which of the two builds an attempt of a verification tests: the one that should be mended, or the one that is known
/// to fail (the control).
enum class TestedBuild { fixed, broken };
std::string_view to_text(TestedBuild build);

/// The runs of one build. Only clean and matched ones say something about the failure.
struct TrialCount {
  int attempts = 0;
  std::int64_t clean = 0;      // passed
  std::int64_t matched = 0;    // failed as in CI
  std::int64_t different = 0;  // failed otherwise, or hung
  std::int64_t unjudged = 0;   // cut off, or the host's fault
  std::int64_t exposure_ms = 0;
  std::int64_t judged() const { return clean + matched; }
  bool operator==(const TrialCount&) const = default;
};

/// Adds an attempt with a verdict: one run, or those of a slice.
void add_attempt(const AttemptRow& row, TrialCount& count);

/// How a campaign finds out whether a failure is gone: the runs of an earlier one are repeated, until a sequential test
/// (fix_trial) tells. Fixed when it is ordered and stored in the policy.
struct Verification {
  CampaignId against;  // the campaign whose recipe is repeated
  Arm arm;
  bool sliced = false;
  SlicePlan slice;            // where sliced
  TrialCount before;          // runs of this arm in that campaign
  bool until_matched = true;  // they ended with a match, Baseline
  double risk = 0.05;         // of calling fixed what is as it was
  double broken_rate = 0.5;   // of the test, fix_trial
  std::int64_t least_clean = 1;
  std::string fixed_checkout;   // empty: as run_test.sh has it
  std::string broken_checkout;  // empty: no controls
  std::string fixed_subject;    // of the attempts' rows: "fixed", with the revision where it is known
  std::string broken_subject;

  Baseline baseline() const { return {before.matched, before.judged(), until_matched}; }
  bool has_controls() const { return !broken_checkout.empty(); }
  bool operator==(const Verification&) const = default;
};

/// By the attempt's subject.
TestedBuild build_of(const AttemptRow& row);

/// JSON text and back; nothing for text of another form.
std::string to_json_text(const TrialCount& count);
std::string to_json_text(const Verification& verification);
std::optional<Verification> verification_from(const std::string& json);

}  // namespace ndr
