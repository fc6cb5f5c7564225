#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/log_signal.hpp"
#include "analyzer/refusal.hpp"

namespace ndr {

/// Compiled rules (Vectorscan), shared by all runs; immutable. Not thread-safe: its scratch
/// memory is used by one scan at a time.
class SignalRuleSet {
public:
  /// Refuses (field: rule id) a pattern that Vectorscan or RE2 cannot take, one that matches the empty text,
  /// and an id that is there twice.
  static Checked<std::shared_ptr<const SignalRuleSet>> compile(std::vector<SignalRule> rules);
  /// These rules and `more` behind them. The first are not compiled again (all packs take about 0.1 s, one
  /// more rule some milliseconds), so that each case can have rules of its own; they cost a second pass over
  /// the text.
  Checked<std::shared_ptr<const SignalRuleSet>> with(std::vector<SignalRule> more) const;
  ~SignalRuleSet();
  std::span<const SignalRule> rules() const;
  /// What the rule's field pattern (RE2) cuts out of the signal's line, by name, in valid UTF-8. Not done by the
  /// matcher: most signals are only counted, and a reaction need not wait for it.
  std::map<std::string, std::string> fields_of(const LogSignal& signal) const;

private:
  friend class SignalMatcher;
  struct Database;
  struct Compiled;
  explicit SignalRuleSet(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

/// Finds log signals in one run's output, pushed in chunks of any size: across chunk borders, on
/// ANSI-stripped text, in very long lines (16 KiB of a line are kept; memory is bounded by 192 KiB and the
/// signals handed over). LF, CR LF and a lone CR (progress bars) end a line. At most one signal per (rule,
/// line).
///
/// A signal that the supervisor acts on (any reaction, and test_begin, triage, run_ending) is handed over as
/// soon as its rule matched, with the text of its line so far. The others (progress, notes, exceptions that
/// may be expected) wait for the end of their line, or for 1 KiB of text behind the match, since programs
/// write in blocks that cut lines anywhere and half an iteration number would be a wrong one.
class SignalMatcher {
public:
  explicit SignalMatcher(std::shared_ptr<const SignalRuleSet> rules, std::uint64_t from_offset = 0);
  ~SignalMatcher();
  SignalMatcher(SignalMatcher&&) noexcept;
  SignalMatcher& operator=(SignalMatcher&&) noexcept;

  /// Appends to `found` the signals that end in `bytes`, in the order of their offsets.
  void feed(std::string_view bytes, std::vector<LogSignal>& found);
  /// The output has ended: matches at its end (`$` without newline) and what waited for the end of its line.
  /// Once; nothing may be fed after it.
  void finish(std::vector<LogSignal>& found);
  /// Raw bytes taken so far, plus the offset it began at.
  std::uint64_t offset() const;
  /// Raw offset of the first byte of the line that has not ended yet: where a later matcher has to begin to
  /// see all of it again.
  std::uint64_t line_offset() const;

private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ndr
