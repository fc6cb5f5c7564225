#include "supervisor/campaign/verify_order.hpp"

#include <algorithm>
#include <filesystem>
#include <random>
#include <system_error>

#include "storage/atomic_file.hpp"
#include "storage/case_folder.hpp"
#include "storage/git_revision.hpp"
#include "supervisor/campaign/case_files.hpp"
#include "supervisor/campaign/slices.hpp"
#include "supervisor/campaign/verify.hpp"
#include "supervisor/clock.hpp"

namespace ndr {
namespace {

constexpr std::int64_t shortest_verify_ms = 1000;
constexpr std::int64_t longest_verify_ms = 7ll * 86400 * 1000;
constexpr double least_risk = 0.0001;
constexpr double largest_risk = 0.2;
constexpr std::uint64_t largest_run_script = 1u << 20;
constexpr int most_candidates = 1000;
constexpr std::int64_t slices_wanted = 20;  // that the verification is told in, if all runs are clean
constexpr std::size_t revision_digits = 12;

/// What the attempts of one arm have shown, as slices or as whole attempts.
struct ShownArm {
  Arm arm;
  bool sliced = false;
  TrialCount count;
};

std::vector<ShownArm> shown_arms(const std::vector<AttemptRow>& attempts) {
  std::vector<ShownArm> shown;
  for (const AttemptRow& row : attempts) {
    if (!row.verdict) continue;
    const ShownArm of_row{arm_of(row), !row.slice_json.empty(), {}};
    auto known = std::find_if(shown.begin(), shown.end(), [&of_row](const ShownArm& one) {
      return one.sliced == of_row.sliced && one.arm == of_row.arm;
    });
    if (known == shown.end()) known = shown.insert(shown.end(), of_row);
    add_attempt(row, known->count);
  }
  return shown;
}

bool is_better(const ShownArm& one, const ShownArm& other) {
  if (one.count.matched != other.count.matched) return one.count.matched > other.count.matched;
  return strength_of(one.arm) < strength_of(other.arm);
}

std::optional<ShownArm> best_known(const Policy& policy, const Progress& now, const std::vector<ShownArm>& shown) {
  const auto is_dropped = [&now](const ShownArm& one) {
    return std::any_of(now.dropped.begin(), now.dropped.end(),
                       [&one](const DroppedArm& dropped) { return dropped.name == one.arm.name; });
  };
  const std::optional<Arm> recipe = recipe_arm(policy, now);
  std::optional<ShownArm> best;
  for (const ShownArm& one : shown) {
    if (one.count.matched == 0 || one.arm.name == "watchdog" || is_dropped(one)) continue;
    const bool is_recipe = recipe && one.arm == *recipe && one.count.matched >= policy.confirmations;
    if (is_recipe) return one;
    if (!best || is_better(one, *best)) best = one;
  }
  return best;
}

bool is_found(const CampaignRow& row) {
  if (row.mode == CampaignMode::replay) return false;  // it says nothing of a rate
  return row.outcome == CampaignOutcome::reproduced || row.outcome == CampaignOutcome::deterministic;
}

Refusal no_basis(const CaseRow& of_case, const std::string& reason) {
  return Refusal{"against", reason,
                 "reproduce it first, with the code as it failed: ndreproctl run " + of_case.name + " -f"};
}

Checked<void> check_verify_numbers(const VerifyRequest& request) {
  if (request.budget_ms < shortest_verify_ms || request.budget_ms > longest_verify_ms)
    return Refusal{"budget", "must be between 1 s and 7 days", "for instance --budget 10m"};
  if (!(request.risk >= least_risk && request.risk <= largest_risk))
    return Refusal{"risk", "must be between 0.01 % and 20 %", "for instance --risk 5%"};
  return {};
}

bool reads_checkout(const CaseFolder& folder) {
  try {
    return read_start(folder.run_script(), largest_run_script).find(checkout_variable) != std::string::npos;
  } catch (const std::system_error&) {
    return false;
  }
}

Checked<void> check_checkout(const char* field, const std::string& path, const CaseFolder& folder) {
  if (path.empty()) return {};
  std::error_code none;
  if (path.front() != '/' || !std::filesystem::is_directory(path, none))
    return Refusal{field, path + " is no folder that the daemon can see", "give the whole path of a checkout"};
  if (!reads_checkout(folder))
    return Refusal{field, "run_test.sh does not ask for " + std::string{checkout_variable},
                   "let it test the checkout that this variable names, as generated scripts do"};
  return {};
}

Checked<void> check_tools(const Arm& arm, const Settings& settings) {
  std::error_code none;
  const bool loads = arm.noise_chance > 0 || arm.counts_points || arm.priority_points > 0;
  const bool holds = arm.breakpoints > 0 || arm.call_chance > 0;
  if (loads && !std::filesystem::is_regular_file(settings.noise_library(), none))
    return Refusal{"against", "its recipe needs " + settings.noise_library().string(), "install it beside ndreprod"};
  if (holds && !std::filesystem::is_regular_file(settings.hold_program(), none))
    return Refusal{"against", "its recipe needs " + settings.hold_program().string(), "install it beside ndreprod"};
  return {};
}

std::string subject_of(TestedBuild build, const std::filesystem::path& checkout) {
  const std::string revision = checkout.empty() ? std::string{} : git_revision(checkout);
  return std::string{to_text(build)} + (revision.empty() ? "" : " " + revision.substr(0, revision_digits));
}

/// The checkout that is tested where nobody names another.
std::filesystem::path own_checkout(const CaseFolder& folder, const CaseSettings& own) {
  for (const auto& [name, value] : own.environment)
    if (name == checkout_variable) return value;
  return own.repository.empty() ? std::filesystem::path{} : folder.root() / own.repository;
}

Policy verify_policy(const VerifyRequest& request, const VerifyBasis& basis, Verification plan) {
  Policy policy = policy_from(basis.campaign.policy_json).value_or(Policy{});
  policy.mode = CampaignMode::verify;
  policy.seed = request.seed ? *request.seed : std::random_device{}();
  policy.budget_ms = request.budget_ms;
  policy.expected_attempt_ms =
      plan.sliced ? plan.slice.duration_ms : plan.before.exposure_ms / std::max(1, plan.before.attempts);
  policy.verification = std::move(plan);
  return policy;
}

CampaignRow verify_row(const VerifyRequest& request, const VerifyBasis& basis, const Policy& policy) {
  CampaignRow row;
  row.case_id = basis.campaign.case_id;
  row.case_name = basis.campaign.case_name;
  row.mode = CampaignMode::verify;
  row.boards = basis.campaign.boards;
  row.signature_json = basis.campaign.signature_json;
  row.policy_json = to_json_text(policy);
  row.seed = policy.seed;
  row.budget_ms = request.budget_ms;
  row.requested_by = request.requested_by;
  row.created_at_ms = wall_ms();
  return row;
}

}  // namespace

Checked<VerifyBasis> basis_of(Store& store, const CaseRow& of_case, std::optional<CampaignId> against) {
  CampaignRepository::Filter filter;
  filter.case_id = of_case.id;
  filter.state = CampaignState::finished;
  filter.limit = most_candidates;
  const std::vector<CampaignRow> rows = store.campaigns.list(filter);
  const auto basis = std::find_if(rows.begin(), rows.end(), [&against](const CampaignRow& row) {
    return against ? row.id == *against : is_found(row);
  });
  if (basis != rows.end() && is_found(*basis)) return VerifyBasis{*basis, store.attempts.of_campaign(basis->id)};
  if (!against) return no_basis(of_case, "no campaign of case " + of_case.name + " has reproduced its failure");
  const std::string named = "campaign " + std::to_string(against->value);
  if (basis == rows.end()) return no_basis(of_case, named + " is no finished one of case " + of_case.name);
  return no_basis(of_case, named + " has not reproduced the failure");
}

Checked<Verification> verification_of(const VerifyBasis& basis, double risk) {
  const std::optional<Policy> policy = policy_from(basis.campaign.policy_json);
  const std::string named = "campaign " + std::to_string(basis.campaign.id.value);
  if (!policy) return Refusal{"against", "the rows of " + named + " cannot be read", "reproduce the failure anew"};
  const Progress now = progress_from(*policy, basis.attempts, basis.campaign.spent_ms, false, "");
  const std::optional<ShownArm> best = best_known(*policy, now, shown_arms(basis.attempts));
  if (!best) return Refusal{"against", "no run of " + named + " matched", "reproduce the failure anew"};
  Verification plan;
  plan.against = basis.campaign.id;
  plan.arm = best->arm;
  plan.sliced = best->sliced;
  plan.before = best->count;
  plan.until_matched = basis.campaign.outcome != CampaignOutcome::deterministic;
  plan.risk = risk;
  const Sprt trial = fix_trial(plan.baseline(), risk);
  plan.broken_rate = trial.broken_rate();
  plan.least_clean = clean_runs_needed(plan.baseline(), risk);
  if (!plan.sliced) return plan;
  plan.slice = slice_plan(*policy, now, plan.arm);
  plan.slice.runs = 0;
  plan.slice.enough_matches = 0;
  // Long enough that the loop's own cost is small, short enough that it can be followed.
  plan.slice.duration_ms = std::clamp<std::int64_t>(forecast_of(plan).duration_ms / slices_wanted, 1000, 10000);
  return plan;
}

Checked<CampaignRow> verify_order(const VerifyRequest& request, const CaseRow& of_case, const VerifyBasis& basis,
                                  const Settings& settings) {
  if (Checked<void> checked = check_verify_numbers(request); checked.has_error()) return checked.error();
  Checked<CaseFolder> folder =
      find_case_folder(of_case.folder, settings.case_roots, settings.allow_network_file_systems);
  if (folder.has_error()) return folder.error();
  if (Checked<void> script = check_run_script(*folder); script.has_error()) return script.error();
  Checked<CaseSettings> own = read_case_settings(*folder);
  if (own.has_error()) return own.error();
  if (Checked<void> known = check_checkout("fixed", request.fixed, *folder); known.has_error()) return known.error();
  if (Checked<void> known = check_checkout("broken", request.broken, *folder); known.has_error()) return known.error();
  Checked<Verification> plan = verification_of(basis, request.risk);
  if (plan.has_error()) return plan.error();
  if (Checked<void> tools = check_tools(plan->arm, settings); tools.has_error()) return tools.error();
  plan->fixed_checkout = request.fixed;
  plan->broken_checkout = request.broken;
  const std::filesystem::path checkout{request.fixed};
  plan->fixed_subject = subject_of(TestedBuild::fixed, checkout.empty() ? own_checkout(*folder, *own) : checkout);
  if (plan->has_controls()) plan->broken_subject = subject_of(TestedBuild::broken, request.broken);
  return verify_row(request, basis, verify_policy(request, basis, std::move(*plan)));
}

}  // namespace ndr
