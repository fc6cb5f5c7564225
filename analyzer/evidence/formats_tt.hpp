#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/formats.hpp"

namespace ndr {

/// A thrown text of the tt-metal runtime: `TT_THROW @ file:line: tt::exception` or `TT_FATAL @ file:line: condition`,
/// then `info:`, the message, `backtrace:` and ` --- frame` lines. A message that wraps another such text is the
/// outer one's; the inner one is the cause.
struct TtThrow {
  std::string kind;                 // TT_THROW, TT_FATAL, TT_ASSERT
  Sourced<std::string> location;    // path:line as printed
  Sourced<std::string> first_line;  // from the kind on: what there is when the info is missing
  MaybeSourced<std::string> message;
  std::string message_stamp;
  std::vector<StackFrame> frames;  // innermost first
};

/// Reads the lines of one process, or of one `E` block; a new text begins where an old one ended.
class TtThrowReader {
public:
  /// True where the line belongs to such a text. `text` may be part of the line (after `E   ` or a quote).
  bool read(std::string_view text, const LogLine& line);
  bool open() const { return state_ != State::outside; }
  const std::optional<TtThrow>& found() const { return found_; }
  void forget();

private:
  enum class State { outside, header, info, message, frames };
  bool begin(std::string_view text, const LogLine& line);
  bool read_message(std::string_view text, const LogLine& line);

  State state_ = State::outside;
  int message_lines_ = 0;
  std::optional<TtThrow> found_;
};

/// The line that says what is wrong: the message of a TT_THROW, the condition line of a TT_FATAL or TT_ASSERT.
Sourced<std::string> error_line_of(const TtThrow& thrown);

/// What a thrown text means: by its words, else assertion for TT_FATAL and TT_ASSERT, exception for TT_THROW.
FailureType type_of(const TtThrow& thrown);

/// The watcher's report of a tripped device assert: "Device 1 worker core(...): ncrisc tripped an assert on line 118."
/// and, lines later, which kernel each processor ran (" ncrisc: path/kernel.cpp").
class WatcherReader {
public:
  bool read(const LogLine& line);
  bool open() const { return lines_left_ > 0; }
  struct Assert {
    KeptLine seen;
    Sourced<std::string> message;
    std::string processor;
    std::uint64_t line = 0;
    MaybeSourced<std::string> kernel;
  };
  const std::optional<Assert>& found() const { return found_; }

private:
  int lines_left_ = 0;
  std::optional<Assert> found_;
};

}  // namespace ndr
