#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "analyzer/evidence/log_signal.hpp"
#include "analyzer/refusal.hpp"

namespace ndr {

/// Rules compiled for streaming (Vectorscan), shared by all runs; immutable. Not thread-safe: its scratch memory is
/// used by one scan at a time.
class SignalRuleSet {
public:
  /// Refuses (field: rule id) a pattern that Vectorscan or RE2 cannot take.
  static Checked<std::shared_ptr<const SignalRuleSet>> compile(std::vector<SignalRule> rules);
  ~SignalRuleSet();
  std::span<const SignalRule> rules() const;

private:
  friend class SignalMatcher;
  struct Compiled;
  explicit SignalRuleSet(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

/// Finds log signals in one run's output, pushed in chunks of any size: across chunk borders, on ANSI-stripped text,
/// in very long lines (a line's text is kept to 16 KiB, memory is bounded by 128 KiB). A signal is handed over as soon as
/// its rule matched, also on a line without newline yet; at most one per (rule, line).
class SignalMatcher {
public:
  explicit SignalMatcher(std::shared_ptr<const SignalRuleSet> rules, std::uint64_t from_offset = 0);
  ~SignalMatcher();
  SignalMatcher(SignalMatcher&&) noexcept;
  SignalMatcher& operator=(SignalMatcher&&) noexcept;

  /// Appends to `found` the signals that end in `bytes`, in the order of their offsets.
  void feed(std::string_view bytes, std::vector<LogSignal>& found);
  /// Raw bytes taken so far, plus the offset it began at.
  std::uint64_t offset() const;
  /// Whole lines seen so far.
  std::uint64_t lines() const;

private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ndr
