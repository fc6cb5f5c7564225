#include "supervisor/run/run_scan.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analyzer/utf8.hpp"
#include "storage/strict_json.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_literals = 8;
constexpr std::size_t shortest_literal = 8;  // shorter ones are everywhere
constexpr std::size_t most_faults_of_a_rank = 1000;
constexpr int most_rows_of_a_rule = 200;
constexpr std::size_t longest_fault_text = 160;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// "gw3" of "[gw3] [ 12%] FAILED …", or as the rule cut it out; empty outside xdist.
std::string worker_of(const LogSignal& signal, const SignalRuleSet& rules) {
  if (rules.rules()[signal.rule].signal_class == SignalClass::worker_down) return rules.fields_of(signal)["worker"];
  const std::size_t begin = signal.line.find("[gw");
  if (begin == std::string::npos) return {};
  std::size_t end = begin + 3;
  while (end < signal.line.size() && is_digit(signal.line[end]))
    ++end;
  const bool whole = end > begin + 3 && end < signal.line.size() && signal.line[end] == ']';
  return whole ? signal.line.substr(begin + 1, end - begin - 1) : std::string{};
}

/// Without the mark and the indent of pytest's report.
std::string begin_of(const std::string& line) {
  std::size_t begin = line.starts_with("E  ") ? 1 : 0;
  begin = std::min(line.find_first_not_of(" \t", begin), line.size());
  return to_utf8(line.substr(begin, longest_fault_text));
}

}  // namespace

std::shared_ptr<const SignalRuleSet> case_rules(const std::shared_ptr<const SignalRuleSet>& packs,
                                                const Signature& wanted) {
  std::vector<SignalRule> rules;
  for (const std::string& literal : wanted.literals) {
    if (literal.size() < shortest_literal || rules.size() == most_literals) continue;
    if (literal.find_first_of("\r\n") != std::string::npos) continue;
    SignalRule rule;
    rule.id = "case.signature_" + std::to_string(rules.size() + 1);
    rule.pattern = literal;
    rule.literal = true;
    rule.signal_class = SignalClass::exception;
    rule.meaning = "Text of the failure that is wanted.";
    rules.push_back(std::move(rule));
  }
  if (rules.empty()) return packs;
  Checked<std::shared_ptr<const SignalRuleSet>> with = packs->with(std::move(rules));
  return with.has_value() ? *with : packs;
}

RunScan::RunScan(std::shared_ptr<const SignalRuleSet> rules)
    : rules_(std::move(rules)), matcher_(rules_, 0), progress_(rules_->rules().size()), rows_(rules_->rules().size()) {}

void RunScan::recall(const std::vector<LogSignalRow>& stored, std::int64_t iterations, std::uint64_t scanned_bytes) {
  for (const LogSignalRow& row : stored) {
    recalled_[row.rule].push_back(row.offset);
    const std::optional<SignalClass> signal_class = signal_class_from(row.signal_class);
    if (!signal_class || !is_fault(*signal_class)) continue;
    const SignalRule* known = rule(row.rule);
    const Reaction reaction = known != nullptr ? known->reaction : Reaction::none;
    std::string worker;
    if (known != nullptr) {
      const auto index = static_cast<std::size_t>(known - rules_->rules().data());
      worker = worker_of({index, row.offset, row.line}, *rules_);
    }
    add_fault({row.rule, *signal_class, row.offset, row.seen_at_ms, std::move(worker), reaction, begin_of(row.line)});
  }
  iterations_ = earlier_iterations_ = iterations;
  earlier_bytes_ = scanned_bytes;
  began_ = began_ || iterations > 0;
}

const SignalRule* RunScan::rule(std::string_view id) const {
  const auto found = std::find_if(rules_->rules().begin(), rules_->rules().end(),
                                  [id](const SignalRule& candidate) { return candidate.id == id; });
  return found == rules_->rules().end() ? nullptr : &*found;
}

const std::vector<SeenSignal>& RunScan::feed(std::string_view bytes, std::int64_t now_ms) {
  found_.clear();
  matcher_.feed(bytes, found_);
  return take(now_ms);
}

const std::vector<SeenSignal>& RunScan::finish(std::int64_t now_ms) {
  found_.clear();
  matcher_.finish(found_);
  return take(now_ms);
}

void RunScan::restart_at(std::uint64_t offset) {
  matcher_ = SignalMatcher{rules_, offset};
  earlier_bytes_ = std::min(earlier_bytes_, offset);
}

const std::vector<SeenSignal>& RunScan::take(std::int64_t now_ms) {
  seen_.clear();
  for (LogSignal& signal : found_) {
    const SignalRule& of = rules_->rules()[signal.rule];
    const auto known = recalled_.find(of.id);
    const bool is_stored =
        known != recalled_.end() && std::count(known->second.begin(), known->second.end(), signal.offset) > 0;
    count(of, signal);
    if (is_fault(of.signal_class) && !is_stored)
      add_fault({of.id, of.signal_class, signal.offset, now_ms, worker_of(signal, *rules_), of.reaction,
                 begin_of(signal.line)});
    seen_.push_back({&of, std::move(signal), is_stored});
  }
  return seen_;
}

void RunScan::count(const SignalRule& of, const LogSignal& signal) {
  if (of.signal_class == SignalClass::progress && signal.offset >= earlier_bytes_)
    iterations_ = std::max(iterations_, earlier_iterations_ + ++progress_[signal.rule]);
  if (of.signal_class == SignalClass::progress || of.signal_class == SignalClass::test_begin) began_ = true;
}

void RunScan::add_fault(FaultSignal fault) {
  // For each rank on its own: a flood of what may be expected must not crowd out what went wrong.
  if (++faults_of_rank_[rank_of(fault)] > most_faults_of_a_rank) return;
  // A signal that waited for the end of its line comes after those of later lines.
  const auto place = std::upper_bound(faults_.begin(), faults_.end(), fault,
                                      [](const FaultSignal& a, const FaultSignal& b) { return a.offset < b.offset; });
  faults_.insert(place, std::move(fault));
}

bool RunScan::is_worth_a_row(const SeenSignal& seen) {
  if (seen.rule->signal_class == SignalClass::progress || seen.rule->signal_class == SignalClass::test_begin)
    return false;
  // What an earlier daemon had scanned it has stored, or left out for good.
  if (++rows_[seen.signal.rule] > most_rows_of_a_rule || seen.signal.offset < earlier_bytes_) return false;
  return !seen.is_stored;
}

LogSignalRow RunScan::row_of(const SeenSignal& seen, std::int64_t at_ms) const {
  nlohmann::ordered_json fields = nlohmann::ordered_json::object();
  for (const auto& [name, value] : rules_->fields_of(seen.signal))
    fields[to_utf8(name)] = to_utf8(value);
  LogSignalRow row;
  row.rule = seen.rule->id;
  row.signal_class = to_text(seen.rule->signal_class);
  row.offset = seen.signal.offset;
  row.line = seen.signal.line;
  row.fields_json = json_text(fields);
  row.seen_at_ms = at_ms;
  return row;
}

}  // namespace ndr
