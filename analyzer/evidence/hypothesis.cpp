#include "analyzer/evidence/hypothesis.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "analyzer/assert.hpp"
#include "analyzer/evidence/formats.hpp"
#include "analyzer/evidence/formats_command.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::array<std::pair<RootCause, std::string_view>, 6> cause_names{
    {{RootCause::race, "race"},
     {RootCause::contention, "contention"},
     {RootCause::synchronisation, "synchronisation"},
     {RootCause::hardware, "hardware"},
     {RootCause::slow_operation, "slow_operation"},
     {RootCause::state_corruption, "state_corruption"}}};

// Weights of the failure's type alone, in the order of cause_names: what engineers found behind failures of the type,
// in public reports of the runtime.
struct TypePrior {
  FailureType type;
  std::array<double, 6> weights;
};
constexpr std::array<TypePrior, 10> type_priors{{{FailureType::infra, {0, 1, 0, 4, 1, 0}},
                                                 {FailureType::device_contention, {1, 6, 0, 0, 0, 2}},
                                                 {FailureType::out_of_memory, {0, 2, 0, 0, 0, 3}},
                                                 {FailureType::device_timeout, {2, 1, 3, 2, 3, 1}},
                                                 {FailureType::test_timeout, {1, 1, 3, 1, 4, 0}},
                                                 {FailureType::hang, {2, 1, 4, 2, 1, 1}},
                                                 {FailureType::comparison, {4, 0, 2, 2, 0, 2}},
                                                 {FailureType::assertion, {3, 1, 1, 1, 0, 2}},
                                                 {FailureType::crash, {3, 1, 1, 0, 0, 4}},
                                                 {FailureType::exception, {2, 1, 1, 1, 0, 2}}}};

// Words of the failure's own line that speak for a cause.
struct Word {
  std::string_view word;  // lower case
  RootCause cause;
  double weight;
  std::string_view says;
};
constexpr std::array<Word, 22> cause_words{{
    {"run_mailbox", RootCause::contention, 4, "another process had started the cores"},
    {"lock", RootCause::contention, 1, "a lock is spoken of"},
    {"in use", RootCause::contention, 4, "something is in use"},
    {"tlb ", RootCause::contention, 2, "windows onto the board ran out: a process left some behind"},
    {"hugepage", RootCause::contention, 2, "memory that processes share is spoken of"},
    {"ethernet", RootCause::hardware, 3, "a link between chips is spoken of"},
    {"eth core", RootCause::hardware, 3, "a link between chips is spoken of"},
    {"arc ", RootCause::hardware, 3, "the board's own controller is spoken of"},
    {"0xffffffff", RootCause::hardware, 5, "a register reads all ones: the board had dropped off the bus"},
    {"ecc", RootCause::hardware, 3, "a memory error is spoken of"},
    {"fabric router sync", RootCause::synchronisation, 4, "chips did not meet at a barrier"},
    {"barrier", RootCause::synchronisation, 3, "a barrier is spoken of"},
    {"deadlock", RootCause::synchronisation, 6, "a deadlock is spoken of"},
    {"semaphore", RootCause::synchronisation, 3, "a semaphore is spoken of"},
    {"fetch queue", RootCause::synchronisation, 2, "a queue between host and device was full"},
    {"data race", RootCause::race, 9, "a sanitizer saw a data race"},
    {"concurrent", RootCause::race, 3, "concurrency is spoken of"},
    {"double free", RootCause::state_corruption, 4, "the heap was corrupt"},
    {"corrupt", RootCause::state_corruption, 4, "corruption is spoken of"},
    {"use-after-free", RootCause::state_corruption, 4, "freed memory was used"},
    {"invalid pointer", RootCause::state_corruption, 4, "the heap was corrupt"},
    {"already", RootCause::state_corruption, 1, "something was there already"},
}};

class Weighing {
public:
  void add(RootCause cause, double weight) { found_[cause].weight += weight; }
  void add(RootCause cause, double weight, std::string reason, const Origin& origin) {
    add(cause, weight);
    found_[cause].reasons.push_back(sourced(std::move(reason), origin));
  }
  std::vector<Hypothesis> result() && {
    double total = 0;
    for (const auto& [cause, hypothesis] : found_)
      total += hypothesis.weight;
    std::vector<Hypothesis> result;
    double kept = 0;
    for (auto& [cause, hypothesis] : found_) {
      if (hypothesis.weight < total * least_share) continue;
      hypothesis.cause = cause;
      kept += hypothesis.weight;
      result.push_back(std::move(hypothesis));
    }
    for (Hypothesis& hypothesis : result)
      hypothesis.weight /= kept;
    std::stable_sort(result.begin(), result.end(), [](const auto& a, const auto& b) { return a.weight > b.weight; });
    return result;
  }

private:
  static constexpr double least_share = 0.05;
  std::map<RootCause, Hypothesis> found_;
};

void weigh_type(const Evidence& evidence, Weighing& weighing) {
  const auto prior = std::find_if(type_priors.begin(), type_priors.end(),
                                  [&](const TypePrior& p) { return p.type == evidence.failure_type; });
  NDR_ASSERT(prior != type_priors.end());
  const std::string reason = "failures of type " + std::string{to_text(evidence.failure_type)} + " often are";
  const Origin origin = evidence.error_line ? evidence.error_line->origin : Origin{};
  for (std::size_t i = 0; i < cause_names.size(); ++i) {
    const double weight = prior->weights[i];
    if (weight > 0) weighing.add(cause_names[i].first, weight, reason, origin);
  }
}

void weigh_words(const Evidence& evidence, Weighing& weighing) {
  if (!evidence.error_line) return;
  const std::string lower = to_lower(evidence.error_line->value);
  for (const Word& word : cause_words) {
    if (contains(lower, word.word))
      weighing.add(word.cause, word.weight, std::string{word.says}, evidence.error_line->origin);
  }
}

// Several processes on one host; each of them may meet the others on the board.
void weigh_neighbours(const Evidence& evidence, Weighing& weighing) {
  if (evidence.rank_or_device && contains(evidence.rank_or_device->value, "gw"))
    weighing.add(RootCause::contention, 2, "pytest workers ran side by side", evidence.rank_or_device->origin);
  if (evidence.rank_or_device && contains(evidence.rank_or_device->value, "rank"))
    weighing.add(RootCause::synchronisation, 2, "several ranks took part", evidence.rank_or_device->origin);
  const auto queues = evidence.environment.find("TT_METAL_GTEST_NUM_HW_CQS");
  if (queues != evidence.environment.end() && queues->second.value != "1")
    weighing.add(RootCause::race, 1, "several command queues were in use", queues->second.origin);
}

void weigh_state(const Evidence& evidence, Weighing& weighing) {
  constexpr std::uint64_t many = 10;
  if (evidence.predecessor_count < many || evidence.predecessors.empty()) return;
  weighing.add(RootCause::state_corruption, 1,
               std::to_string(evidence.predecessor_count) + " tests ran before in the same process",
               evidence.predecessors.back().origin);
}

// A limit of a few seconds is near to what one large operation takes.
void weigh_limits(const Evidence& evidence, Weighing& weighing) {
  constexpr double short_limit_s = 10;
  const auto limit = evidence.timeouts.find("operation_s");
  const bool is_short =
      limit != evidence.timeouts.end() && limit->second.value > 0 && limit->second.value <= short_limit_s;
  if (is_short && evidence.failure_type == FailureType::device_timeout)
    weighing.add(RootCause::slow_operation, 2, "the limit of an operation is short", limit->second.origin);
}

}  // namespace

std::string_view to_text(RootCause cause) {
  const auto found =
      std::find_if(cause_names.begin(), cause_names.end(), [&](const auto& word) { return word.first == cause; });
  NDR_ASSERT(found != cause_names.end());
  return found->second;
}

std::optional<RootCause> root_cause_from(std::string_view text) {
  const auto found =
      std::find_if(cause_names.begin(), cause_names.end(), [&](const auto& word) { return word.second == text; });
  if (found == cause_names.end()) return std::nullopt;
  return found->first;
}

std::vector<Hypothesis> hypotheses_of(const Evidence& evidence) {
  if (!evidence.is_failure || evidence.failure_type == FailureType::none) return {};
  Weighing weighing;
  weigh_type(evidence, weighing);
  weigh_words(evidence, weighing);
  weigh_neighbours(evidence, weighing);
  weigh_state(evidence, weighing);
  weigh_limits(evidence, weighing);
  return std::move(weighing).result();
}

}  // namespace ndr
