#include "analyzer/utf8.hpp"

#include <cstddef>

namespace ndr {
namespace {

bool in(unsigned char byte, unsigned low, unsigned high) { return byte >= low && byte <= high; }

// Length of the well-formed sequence at the front, 0 where there is none. NUL counts as ill-formed.
std::size_t sequence_length(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(i < bytes.size() ? bytes[i] : '\0'); };
  const unsigned char first = at(0);
  if (in(first, 0x01, 0x7f)) return 1;
  if (in(first, 0xc2, 0xdf)) return in(at(1), 0x80, 0xbf) ? 2 : 0;
  if (in(first, 0xe0, 0xef)) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;  // no surrogates
    return in(at(1), low, high) && in(at(2), 0x80, 0xbf) ? 3 : 0;
  }
  if (in(first, 0xf0, 0xf4)) {
    const unsigned low = first == 0xf0 ? 0x90 : 0x80;
    const unsigned high = first == 0xf4 ? 0x8f : 0xbf;  // up to U+10FFFF
    return in(at(1), low, high) && in(at(2), 0x80, 0xbf) && in(at(3), 0x80, 0xbf) ? 4 : 0;
  }
  return 0;
}

// C0, DEL, C1, and what turns the direction of text.
bool is_control(std::string_view one) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(one[i]); };
  if (one.size() == 1) return at(0) < 0x20 || at(0) == 0x7f;
  if (one.size() == 2) return at(0) == 0xc2 && at(1) < 0xa0;
  if (one.size() != 3 || at(0) != 0xe2) return false;
  if (at(1) == 0x80) return at(2) == 0x8e || at(2) == 0x8f || in(at(2), 0xaa, 0xae);
  return at(1) == 0x81 && in(at(2), 0xa6, 0xa9);
}

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// How many bytes at the front are ASCII, but not NUL.
std::size_t ascii_length(std::string_view bytes) {
  std::size_t length = 0;
  while (length < bytes.size() && in(static_cast<unsigned char>(bytes[length]), 0x01, 0x7f))
    ++length;
  return length;
}

}  // namespace

std::string to_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t plain = ascii_length(bytes);
    text += bytes.substr(0, plain);
    bytes.remove_prefix(plain);
    if (bytes.empty()) break;
    const std::size_t length = sequence_length(bytes);
    text += length == 0 ? std::string_view{"\xef\xbf\xbd"} : bytes.substr(0, length);
    bytes.remove_prefix(length == 0 ? 1 : length);
  }
  return text;
}

std::string printable(std::string_view bytes) {
  const std::string text = to_utf8(bytes);
  std::string safe;
  safe.reserve(text.size());
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t length = sequence_length(rest);  // never 0: it is well-formed
    const std::string_view one = rest.substr(0, length);
    safe += is_control(one) ? std::string_view{" "} : one;
    rest.remove_prefix(length);
  }
  return safe;
}

std::string markdown_text(std::string_view bytes) {
  constexpr std::size_t longest = 400;
  constexpr std::string_view marks = "\\`*[]|~";
  const std::string text = printable(bytes.substr(0, longest));
  const auto is_word = [&](std::size_t at) { return at < text.size() && is_letter_or_digit(text[at]); };
  std::string safe;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    // Within a word "_" is no emphasis; "#", "-" and "+" are marks at the front only.
    const bool emphasis = c == '_' && !(i > 0 && is_word(i - 1) && is_word(i + 1));
    const bool leads = i == 0 && (c == '#' || c == '-' || c == '+');
    if (emphasis || leads || marks.find(c) != std::string_view::npos) safe += '\\';
    if (c == '<' || c == '>' || c == '&')
      safe += c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&amp;";
    else
      safe += c;
  }
  if (bytes.size() > longest) safe += " …";
  return safe;
}

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace ndr
