#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/refusal.hpp"

namespace ndr {

/// What a log signal says of the run.
enum class SignalClass {
  device_timeout,  // device wait gave up, device unrecoverable
  contention,      // somebody else has the board, stale state
  board_broken,    // topology or board gone
  crash,           // death by signal, sanitizer report
  exception,       // thrown, asserted, compared false
  test_timeout,    // a limit on the test fired; not a device timeout
  setup_error,     // nothing could be tested
  worker_down,     // an xdist worker died
  triage,          // the triage hook of the host runs: silence is no stall
  progress,        // an iteration or test ended well
  test_begin,      // a test begins, or ends without a verdict that counts (skipped): start-up is over
  run_ending,      // -x fired, summary printed
  note             // worth keeping, no meaning for the run
};

/// What the supervisor does when it sees one.
enum class Reaction {
  none,
  stop_now,          // contention: stop at once
  stop_after_grace,  // device timeout: let backtrace and triage finish (<= 45 s), then stop
  let_end,           // crash, exception: the run ends by itself (<= 10 s)
  stop_campaign      // set-up error, broken board
};

std::string_view to_text(SignalClass signal_class);
std::string_view to_text(Reaction reaction);
std::optional<SignalClass> signal_class_from(std::string_view text);
std::optional<Reaction> reaction_from(std::string_view text);

/// One rule of a pack: a pattern (Vectorscan syntax, a subset of PCRE; matched on ANSI-stripped text, bytes,
/// `^` and `$` at line breaks, `.` never crosses one; negated classes and `\s` do, so they should exclude \n)
/// and what a match means. No large bounded repeats of a class before a literal (`^[^ \n]{1,200}x`): Vectorscan
/// 5.4.9 loses some of their matches. `field_pattern` (RE2, may be empty) cuts named fields out of the matching line.
struct SignalRule {
  std::string id;  // "tenstorrent.device_timeout", unique over all packs
  std::string pattern;
  bool literal = false;  // pattern is plain text
  SignalClass signal_class = SignalClass::note;
  Reaction reaction = Reaction::none;
  std::string meaning;  // one sentence for people
  std::string field_pattern;
  std::string example;  // a line that it matches; may be empty
};

/// A detected event in a run's output. `offset` is the raw byte offset of the line's first byte in the log
/// file.
struct LogSignal {
  std::size_t rule = 0;  // index into the rule set
  std::uint64_t offset = 0;
  std::string line;  // ANSI-stripped, valid UTF-8, at most 4 KiB; of a longer line the part around the match
};

/// Reads one pack: YAML list `rules: [{id, pattern|literal, class, reaction, meaning, fields, example}]`;
/// `reaction`, `fields` and `example` may be left out. `origin` names the file in refusals (`origin:line`).
/// Every pattern is compiled once to be sure that it is one, and must match its example.
Checked<std::vector<SignalRule>> parse_signal_rules(std::string_view yaml, const std::string& origin);

/// The packs that ship with the program: tenstorrent, pytest, gtest, sanitizers, libc and kernel, ndrepro.
const std::vector<SignalRule>& builtin_signal_rules();

}  // namespace ndr
