#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/signal_matcher.hpp"
#include "analyzer/evidence/signature.hpp"
#include "storage/records.hpp"
#include "supervisor/run/verdict.hpp"

namespace ndr {

/// The rules of a case: all packs and its signature's literals as `case.signature_N`, of class exception and without a
/// reaction, since a literal may stand in a healthy run's output too. Falls back to `packs` where a literal is no rule.
std::shared_ptr<const SignalRuleSet> case_rules(const std::shared_ptr<const SignalRuleSet>& packs,
                                                const Signature& wanted);

struct SeenSignal {
  const SignalRule* rule = nullptr;
  LogSignal signal;
  bool is_stored = false;  // an earlier daemon saw it already
};

/// Reads a run's output for signals and keeps count of what a judgement needs: faults, iterations, whether it began.
/// Always from the log's beginning, also after a restart: what shows only that a run gets on is stored nowhere.
class RunScan {
public:
  explicit RunScan(std::shared_ptr<const SignalRuleSet> rules);

  /// What an earlier daemon has stored of this run, and how many bytes of the log it had scanned: its iterations up
  /// to there count once, its signals keep the time when they were seen.
  void recall(const std::vector<LogSignalRow>& stored, std::int64_t iterations, std::uint64_t scanned_bytes);

  /// The new signals of the next bytes, valid until the next call.
  const std::vector<SeenSignal>& feed(std::string_view bytes, std::int64_t now_ms);
  const std::vector<SeenSignal>& finish(std::int64_t now_ms);
  /// The log was cut off and goes on at `offset`.
  void restart_at(std::uint64_t offset);

  const std::vector<FaultSignal>& faults() const { return faults_; }
  /// The most often that one rule of progress has matched: one rule counts iterations, another whole tests.
  std::int64_t iterations() const { return iterations_; }
  bool began() const { return began_; }
  /// Everything before is scanned and counted, by us or an earlier daemon; an unfinished line begins there.
  std::uint64_t line_offset() const { return std::max(matcher_.line_offset(), earlier_bytes_); }
  /// By its id; null where there is none.
  const SignalRule* rule(std::string_view id) const;
  /// Whether a signal is worth a row, and has none yet: progress is counted instead.
  bool is_worth_a_row(const SeenSignal& seen);
  LogSignalRow row_of(const SeenSignal& seen, std::int64_t at_ms) const;

private:
  const std::vector<SeenSignal>& take(std::int64_t now_ms);
  void count(const SignalRule& of, const LogSignal& signal);
  void add_fault(FaultSignal fault);

  std::shared_ptr<const SignalRuleSet> rules_;
  SignalMatcher matcher_;
  std::vector<LogSignal> found_;
  std::vector<SeenSignal> seen_;
  std::vector<FaultSignal> faults_;
  std::array<std::size_t, fault_ranks> faults_of_rank_{};
  std::map<std::string, std::vector<std::uint64_t>, std::less<>> recalled_;  // offsets by rule
  std::vector<std::int64_t> progress_;                                       // by rule
  std::vector<int> rows_;                                                    // by rule
  std::int64_t iterations_ = 0;
  std::int64_t earlier_iterations_ = 0;
  std::uint64_t earlier_bytes_ = 0;
  bool began_ = false;
};

}  // namespace ndr
