#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "storage/records.hpp"
#include "supervisor/arms/invocation.hpp"
#include "supervisor/campaign/replay.hpp"
#include "supervisor/campaign/verification.hpp"
#include "supervisor/ports.hpp"

namespace ndr {

/// An arm that works on this host, and how much of the search it is worth before anything is known.
struct ArmWeight {
  std::string name;
  double weight = 1;
  bool operator==(const ArmWeight&) const = default;
};

/// What the slices of one arm have shown.
struct ArmRecord {
  Arm arm;
  int slices = 0;
  std::int64_t runs = 0;  // that could be judged
  std::int64_t matched = 0;
  std::int64_t different = 0;
  int near_misses = 0;  // slices whose first other failure is of CI's kind: a hint, and no match
  std::int64_t exposure_ms = 0;
  bool operator==(const ArmRecord&) const = default;
};

/// An arm that is no longer used, and why.
struct DroppedArm {
  std::string name;
  std::string why;
  bool operator==(const DroppedArm&) const = default;
};

/// What a campaign may do and how it decides; fixed when it is ordered and stored with it.
struct Policy {
  CampaignMode mode = CampaignMode::quick;
  std::uint64_t seed = 0;
  std::int64_t budget_ms = 300000;
  std::int64_t attempt_ms = 300000;  // hard limit of one attempt
  int confirmations = 3;             // matched attempts wanted
  int boards = 0;                    // leased ones, which cap the workers; 0: the pseudo-board `host`
  int plain_iterations = 0;          // of an unamplified run; 0: the script's default
  bool device_timeout = false;       // the wanted failure is one, so a margin is possible
  bool watchdog_adjustable = true;   // the script leaves the operation timeout to its environment
  double operation_timeout_s = 5;
  std::string noise_library;                 // path; empty: there is none here, and no arm that needs it
  bool holds_recipe = false;                 // run_test.sh can be given a recipe: it keeps the contract
  bool slices = false;                       // many short runs in one attempt are possible: no board is leased
  std::vector<ArmWeight> arms;               // of slices
  std::vector<Axis> axes;                    // of the site
  int predecessors = 0;                      // that the script can run before the test
  std::vector<std::string> near;             // functions of the failure's neighbourhood, for the directed arm
  std::int64_t expected_attempt_ms = 20000;  // one plain attempt, as far as known beforehand
  std::optional<Replay> replay;              // of mode `replay`, and of no other
  std::optional<Verification> verification;  // of mode `verify`, and of no other
  bool operator==(const Policy&) const = default;
};

/// What has happened so far, folded; plain enough to be rebuilt from the stored rows.
struct Progress {
  int attempts = 0;
  std::int64_t spent_ms = 0;
  int matched = 0;             // attempts, of a slice its runs
  std::optional<Arm> hit_arm;  // of the first match
  // Screen: plain runs that could be judged.
  int screened = 0;
  int screen_matched = 0;
  std::int64_t screen_iterations = -1;  // passing iterations before the first match
  bool iterations_vary = false;         // ... and another match came after another number of them
  // Margin screen: runs with a raised watchdog.
  int raised = 0;
  int raised_slow = 0;  // passed, slower than the limit
  int raised_fast = 0;  // passed within the limit: no margin
  std::int64_t slowest_ms = 0;
  // Search and confirmation.
  int searched = 0;
  int worker_cap = 1 << 10;
  int calm_misses = 0;  // in a row, of the hit arm with one worker
  bool plain_confirmed = false;
  bool plain_worked = false;  // the set-up is good: a plain run could be judged
  // What one attempt of this case is like.
  std::int64_t shortest_ms = 0;   // a passing attempt; 0: none yet
  std::int64_t iteration_us = 0;  // at best, start-up included, one worker
  int default_iterations = 0;     // the script's, as counted
  // Slices.
  std::vector<ArmRecord> slices;
  std::vector<DroppedArm> dropped;
  std::int64_t run_us = 0;   // of a plain run, the median; 0: not measured yet
  std::uint64_t points = 0;  // calls by which its threads and processes meet, the median; 0: not counted
  int confirm_slices = 0;
  std::int64_t reduce_ms = 0;   // spent on stepping down
  std::int64_t compare_ms = 0;  // spent on slices for where it races
  std::int64_t compared_matched = 0;
  std::int64_t compared_passed = 0;
  int alone = 0;  // runs of the script by itself, with its recipe
  int alone_matched = 0;
  // Verification.
  TrialCount fixed_runs;
  TrialCount broken_runs;
  FixState fix = FixState::undecided;  // of the build that should be mended; what is decided stays so
  // Rows of bad luck.
  int different = 0;  // before any match
  int hung = 0;       // before any match, as the next
  int cut_off = 0;
  int different_in_row = 0;
  int broken_in_row = 0;      // lost, infrastructure
  int contention_in_row = 0;  // with one worker
  std::string last_difference;
  std::string last_breakage;
  // What ends it.
  bool board_suspect = false;
  std::string board_unusable;
  std::string setup_error;
  bool cancelled = false;
  bool operator==(const Progress&) const = default;
};

/// What an attempt is called in which the script runs by itself with its recipe, as anybody would run it.
inline constexpr const char* recipe_name = "recipe";

struct RunAttempt {
  AttemptPhase phase = AttemptPhase::screen;
  Arm arm;
  std::uint64_t seed = 0;  // below 2^31, so that any script can read it
  std::int64_t deadline_ms = 0;
  std::optional<SlicePlan> slice;  // none: one run
  std::string subject{};           // which build is tested, where there are several
  bool operator==(const RunAttempt&) const = default;
};
struct ResetBoards {
  bool operator==(const ResetBoards&) const = default;
};
struct Finish {
  CampaignOutcome outcome = CampaignOutcome::not_reproduced;
  std::string reason;
  bool operator==(const Finish&) const = default;
};
using Step = std::variant<RunAttempt, ResetBoards, Finish>;

struct AttemptEnded {
  AttemptRow row;  // with its verdict
  bool board_suspect = false;
  std::int64_t elapsed_ms = 0;            // of the budget
  std::vector<RunFailureRow> failures{};  // of a slice, to be stored with it
};
struct BoardsReset {
  ResetRow row;  // with its result; of the first board that did not come back, else of the last
  std::int64_t elapsed_ms = 0;
};
struct CancelRequested {};
using Happened = std::variant<AttemptEnded, BoardsReset, CancelRequested>;

/// Pure: the next act. Screen, then search until the first match, then confirm; the budget stops new acts.
Step next_step(const Policy& policy, const Progress& now);
/// Pure: what is known after it.
Progress after(const Policy& policy, Progress now, const Happened& happened);

/// Pure: what keeps a campaign from going on, whatever it has found so far.
std::optional<Finish> obstacle(const Progress& now);

/// Pure: the limit of the next attempt: its own or what is left of the budget. Also of one that a restart interrupted,
/// since that was decided on the same progress.
std::int64_t next_deadline_ms(const Policy& policy, const Progress& now);

/// The same progress from stored rows: attempts with a verdict (others are left out: they are still to end), what was
/// spent, and what the leased boards' rows say: whether one is dirty, and why one is quarantined (empty: none is).
/// Ended resets add nothing: one that failed may have been cut off before its retry.
Progress progress_from(const Policy& policy, const std::vector<AttemptRow>& attempts, std::int64_t spent_ms,
                       bool board_suspect, const std::string& quarantined);

/// The smallest failure rate of a plain attempt that the budget shows with 90 %: 1 - 0.1^(1/n), n attempts of the
/// expected length in what is left after the confirmation reserve.
double smallest_visible_rate(const Policy& policy);

/// Share of the budget that is kept for confirming.
inline constexpr double confirmation_reserve = 0.2;

std::string to_json_text(const Policy& policy);
std::optional<Policy> policy_from(const std::string& json);

}  // namespace ndr
