#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ndr {

/// From byte `text` of the stripped text on, bytes come from `raw` and following (until the next cut).
struct TextCut {
  std::uint32_t text = 0;
  std::uint32_t raw = 0;
  bool operator==(const TextCut&) const = default;
};

/// Turns what a program wrote for a terminal into lines of text, pushed in pieces of any size: drops escape
/// sequences (ECMA-48 CSI, OSC and the other strings, short escapes) and ends a line at LF, CR LF and at a
/// lone CR (progress bars draw one line over the other). Everything else, NUL and invalid UTF-8 too, stays as
/// it is. A sequence that is not well formed loses only the bytes that could belong to one; an unterminated
/// string ends at the end of its line, so that a stray escape cannot hide what follows.
class AnsiStripper {
public:
  /// Appends the text of `bytes` to `text`. Given `cuts`, notes there where text and raw bytes part
  /// (positions relative to this call), and stops early when it holds kMostCuts. Returns how many bytes were
  /// taken.
  std::size_t strip(std::string_view bytes, std::string& text, std::vector<TextCut>* cuts = nullptr);

  /// Nothing is held back: bytes without ESC and CR would come out unchanged (but for a leading LF after a
  /// CR, see `after_carriage_return`).
  bool idle() const { return state_ == State::text; }
  /// The last byte was a CR, whose line is ended; a LF that comes next belongs to it and gives no text.
  bool after_carriage_return() const { return after_cr_; }
  /// The caller has dropped that LF, or has seen another byte.
  void forget_carriage_return() { after_cr_ = false; }

  static constexpr std::size_t kMostCuts = 4096;

private:
  enum class State { text, escape, intermediate, control, string };
  State after(unsigned char byte) const;
  std::size_t take_sequence(std::string_view bytes);

  State state_ = State::text;
  std::size_t sequence_length_ = 0;
  bool after_cr_ = false;
};

/// One whole text at once.
std::string strip_ansi(std::string_view bytes);

}  // namespace ndr
