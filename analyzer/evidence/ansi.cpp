#include "analyzer/evidence/ansi.hpp"

#include <algorithm>
#include <cstring>

namespace ndr {
namespace {

constexpr char kEscape = '\x1b';
// No real sequence is longer, hyperlinks and titles included; what goes on after that is text again.
constexpr std::size_t kLongestSequence = 4096;

bool in(unsigned char byte, unsigned low, unsigned high) { return byte >= low && byte <= high; }

// Final bytes of the two-byte escapes in use (save and restore, keypad, index, reset, …). Others are taken
// for text, so that an ESC before a word costs no letter of it.
bool ends_short_escape(unsigned char byte) { return byte != 0 && std::strchr("78=>cDEHMNOZno|}~\\", byte) != nullptr; }

std::size_t find_byte(std::string_view bytes, std::size_t from, char byte) {
  const auto found = bytes.find(byte, from);
  return found == std::string_view::npos ? bytes.size() : found;
}

}  // namespace

AnsiStripper::State AnsiStripper::after(unsigned char byte) const {
  switch (state_) {
    case State::escape:
      if (byte == '[') return State::control;
      if (byte == ']' || byte == 'P' || byte == 'X' || byte == '^' || byte == '_') return State::string;
      return in(byte, 0x20, 0x2f) ? State::intermediate : State::text;
    case State::intermediate:
      return in(byte, 0x20, 0x2f) ? State::intermediate : State::text;
    case State::control:
      return in(byte, 0x20, 0x3f) ? State::control : State::text;
    case State::string:
      return byte == 0x07 || byte == 0x18 || byte == 0x1a || byte == '\n' || byte == '\r' ? State::text : State::string;
    case State::text:
      break;
  }
  return State::text;
}

// Takes bytes of the sequence begun; returns at its end or at the first byte that is not of it.
std::size_t AnsiStripper::take_sequence(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && state_ != State::text) {
    const auto byte = static_cast<unsigned char>(bytes[taken]);
    const State from = state_;
    if (byte == 0x1b) {  // ends a string (ESC \), else breaks off what was begun
      state_ = State::escape;
      sequence_length_ = 1;
      ++taken;
      continue;
    }
    state_ = ++sequence_length_ > kLongestSequence ? State::text : after(byte);
    if (state_ != State::text) {
      ++taken;
      continue;
    }
    const bool final_byte =
        (from == State::escape && ends_short_escape(byte)) || (from == State::intermediate && in(byte, 0x30, 0x7e)) ||
        (from == State::control && in(byte, 0x40, 0x7e)) || (from == State::string && byte != '\n' && byte != '\r');
    if (final_byte && sequence_length_ <= kLongestSequence) ++taken;
  }
  return taken;
}

std::size_t AnsiStripper::strip(std::string_view bytes, std::string& text, std::vector<TextCut>* cuts) {
  const std::size_t text_begin = text.size();
  const auto note_cut = [&](std::size_t raw) {
    if (cuts != nullptr)
      cuts->push_back({static_cast<std::uint32_t>(text.size() - text_begin), static_cast<std::uint32_t>(raw)});
  };
  std::size_t at = 0;
  std::size_t next_escape = find_byte(bytes, 0, kEscape);
  std::size_t next_cr = find_byte(bytes, 0, '\r');
  while (at < bytes.size()) {
    if (cuts != nullptr && cuts->size() >= kMostCuts) return at;
    if (state_ != State::text) {
      at += take_sequence(bytes.substr(at));
      note_cut(at);
      continue;
    }
    if (after_cr_) {
      after_cr_ = false;
      if (bytes[at] == '\n') {
        note_cut(++at);
        continue;
      }
    }
    if (next_escape < at) next_escape = find_byte(bytes, at, kEscape);
    if (next_cr < at) next_cr = find_byte(bytes, at, '\r');
    const std::size_t end = std::min(next_escape, next_cr);
    text.append(bytes, at, end - at);
    at = end;
    if (at == bytes.size()) break;
    if (bytes[at] == '\r') {
      text += '\n';
      after_cr_ = true;
    } else {
      state_ = State::escape;
      sequence_length_ = 1;
    }
    ++at;
  }
  return at;
}

std::string strip_ansi(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  AnsiStripper stripper;
  stripper.strip(bytes, text);
  return text;
}

}  // namespace ndr
