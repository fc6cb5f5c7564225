#include "supervisor/campaign/order.hpp"

#include <algorithm>
#include <filesystem>
#include <random>
#include <system_error>

#include "storage/case_folder.hpp"
#include "storage/evidence_json.hpp"
#include "supervisor/campaign/arm_weights.hpp"
#include "supervisor/campaign/case_files.hpp"
#include "supervisor/campaign/story.hpp"
#include "supervisor/clock.hpp"

namespace ndr {
namespace {

constexpr std::int64_t shortest_budget_ms = 1000;
constexpr std::int64_t longest_budget_ms = 7ll * 86400 * 1000;
constexpr int most_confirmations = 20;

std::uint64_t drawn_seed() {
  std::random_device entropy;
  return entropy();  // 32 bits: exact in every reader, short enough to type
}

Checked<Signature> wanted_signature(const CaseRow& of_case) {
  const std::string remedy =
      "put CI's log of the failure into " + of_case.folder + "/logs and run: ndreproctl case analyze " + of_case.name;
  if (!of_case.signature_json) return Refusal{"case", "has not been analysed", remedy};
  Checked<Signature> signature = signature_from_json(*of_case.signature_json);
  if (signature.has_error()) return Refusal{"case", "its stored signature cannot be read", remedy};
  if (signature->failure_type == FailureType::none) return Refusal{"case", "its CI logs show no failure", remedy};
  return signature;
}

bool has_node(const BoardSettings& boards, const std::string& name) {
  const bool is_number = !name.empty() && name.size() <= 9 && name.find_first_not_of("0123456789") == std::string::npos;
  std::error_code error;
  return is_number && std::filesystem::exists(boards.nodes / name, error);
}

std::optional<Evidence> evidence_of(const CaseRow& of_case) {
  if (!of_case.evidence_json) return std::nullopt;
  Checked<Evidence> evidence = evidence_from_json(*of_case.evidence_json);
  return evidence.has_error() ? std::nullopt : std::optional{std::move(*evidence)};
}

/// The number of "rank 1 device 3"; empty where the logs name no device.
std::string failed_device(const CaseRow& of_case) {
  constexpr std::string_view word = "device ";
  const std::optional<Evidence> evidence = evidence_of(of_case);
  if (!evidence || !evidence->rank_or_device) return {};
  const std::string& text = evidence->rank_or_device->value;
  const std::size_t at = text.rfind(word);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + word.size();
  return text.substr(begin, text.find_first_not_of("0123456789", begin) - begin);
}

/// The board that failed in CI where this host has it, else its only one; nothing where that is a guess.
std::vector<std::string> board_of_failure(const CaseRow& of_case, const BoardSettings& boards) {
  const std::string named = failed_device(of_case);
  if (has_node(boards, named)) return {named};
  std::vector<std::string> all;
  std::error_code error;
  for (std::filesystem::directory_iterator entry{boards.nodes, error};
       !error && entry != std::filesystem::directory_iterator{}; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (has_node(boards, name)) all.push_back(name);
  }
  return all.size() == 1 ? all : std::vector<std::string>{};
}

Checked<std::vector<std::string>> wanted_boards(const CampaignRequest& request, const CaseSettings& own,
                                                const CaseRow& of_case, FailureType failure, const Settings& settings) {
  std::vector<std::string> boards = request.boards.empty() ? own.boards : request.boards;
  if (boards.empty() && needs_board(failure)) boards = board_of_failure(of_case, settings.boards);
  if (boards.empty()) boards = {"host"};
  if (boards == std::vector<std::string>{"host"}) return boards;
  std::sort(boards.begin(), boards.end());
  for (std::size_t i = 0; i < boards.size(); ++i) {
    if (i > 0 && boards[i] == boards[i - 1]) return Refusal{"boards", "names board " + boards[i] + " twice", ""};
    if (!has_node(settings.boards, boards[i]))
      return Refusal{"boards", "there is no board " + boards[i] + " in " + settings.boards.nodes.string(),
                     "ndreproctl board list shows those there are; host stands for none"};
  }
  return boards;
}

Checked<void> check_numbers(const CampaignRequest& request) {
  if (request.budget_ms < shortest_budget_ms || request.budget_ms > longest_budget_ms)
    return Refusal{"budget", "must be between 1 s and 7 days", "for instance --budget 5m"};
  if (request.confirmations < 1 || request.confirmations > most_confirmations)
    return Refusal{"confirmations", "must be between 1 and 20", ""};
  return {};
}

double operation_timeout_of(const CaseRow& of_case, double otherwise) {
  const std::optional<Evidence> evidence = evidence_of(of_case);
  if (!evidence) return otherwise;
  const auto found = evidence->timeouts.find("operation_s");
  return found == evidence->timeouts.end() ? otherwise : found->second.value;
}

Policy policy_for(const CampaignRequest& request, const CaseRow& of_case, const Settings& settings,
                  const Signature& wanted, const std::vector<ArmHistory>& history) {
  const CaseFolder folder{of_case.folder};
  const ScriptForm script = script_form(folder);
  Policy policy;
  policy.mode = request.mode;
  policy.seed = request.seed ? *request.seed : drawn_seed();
  policy.budget_ms = request.budget_ms;
  policy.attempt_ms = settings.attempt_ms;
  policy.confirmations = request.confirmations;
  // A script of the contract loops as often as told: one iteration is what CI did. A hand-written one does as it likes.
  policy.plain_iterations = script.has_contract ? 1 : 0;
  policy.device_timeout = wanted.failure_type == FailureType::device_timeout;
  policy.watchdog_adjustable = !script.fixes_watchdog;
  // Delays that nobody calibrated may carry a healthy run over a time limit: of such a failure they prove nothing.
  const bool by_limit =
      wanted.failure_type == FailureType::device_timeout || wanted.failure_type == FailureType::test_timeout;
  std::error_code none;
  if (!by_limit && std::filesystem::is_regular_file(settings.noise_library(), none))
    policy.noise_library = settings.noise_library().string();
  policy.axes = settings.axes;
  policy.near = neighbourhood(wanted);
  policy.predecessors = script.predecessors;
  policy.arms = learnt(arms_for(wanted, settings, {policy.near, policy.predecessors}), history);
  policy.operation_timeout_s = operation_timeout_of(of_case, policy.operation_timeout_s);
  return policy;
}

}  // namespace

Checked<CampaignRow> order_of(const CampaignRequest& request, const CaseRow& of_case, const Settings& settings,
                              const std::vector<ArmHistory>& history) {
  if (Checked<void> checked = check_numbers(request); checked.has_error()) return checked.error();
  Checked<Signature> wanted = wanted_signature(of_case);
  if (wanted.has_error()) return wanted.error();
  Checked<CaseFolder> folder =
      find_case_folder(of_case.folder, settings.case_roots, settings.allow_network_file_systems);
  if (folder.has_error()) return folder.error();
  if (Checked<void> script = check_run_script(*folder); script.has_error()) return script.error();
  Checked<CaseSettings> own = read_case_settings(*folder);
  if (own.has_error()) return own.error();
  Checked<std::vector<std::string>> boards = wanted_boards(request, *own, of_case, wanted->failure_type, settings);
  if (boards.has_error()) return boards.error();
  Policy policy = policy_for(request, of_case, settings, *wanted, history);
  policy.boards = *boards == std::vector<std::string>{"host"} ? 0 : static_cast<int>(boards->size());
  policy.slices = policy.boards == 0;
  policy.holds_recipe = script_form(*folder).has_contract;
  CampaignRow row;
  row.case_id = of_case.id;
  row.case_name = of_case.name;
  row.mode = request.mode;
  row.boards = to_json_text(*boards);
  row.signature_json = *of_case.signature_json;
  row.policy_json = to_json_text(policy);
  row.seed = policy.seed;
  row.budget_ms = request.budget_ms;
  row.requested_by = request.requested_by;
  row.created_at_ms = wall_ms();
  return row;
}

bool needs_board(FailureType failure) {
  return failure == FailureType::device_timeout || failure == FailureType::device_contention;
}

CampaignRow with_expected_length(CampaignRow row, std::int64_t expected_attempt_ms) {
  std::optional<Policy> policy = policy_from(row.policy_json);
  if (!policy || expected_attempt_ms <= 0) return row;
  policy->expected_attempt_ms = expected_attempt_ms;
  row.policy_json = to_json_text(*policy);
  return row;
}

}  // namespace ndr
