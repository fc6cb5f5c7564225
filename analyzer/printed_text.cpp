#include "analyzer/printed_text.hpp"

#include <algorithm>

#include "analyzer/utf8.hpp"

namespace ndr {
namespace {

bool within(unsigned char byte, unsigned low, unsigned high) { return byte >= low && byte <= high; }

// Of the character at the front of well-formed UTF-8.
std::size_t character_length(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && within(static_cast<unsigned char>(text[length]), 0x80, 0xbf))
    ++length;
  return length;
}

// C0, DEL, C1, and what turns the direction of text.
bool is_control(std::string_view one) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(one[i]); };
  if (one.size() == 1) return at(0) < 0x20 || at(0) == 0x7f;
  if (one.size() == 2) return at(0) == 0xc2 && at(1) < 0xa0;
  if (one.size() != 3 || at(0) != 0xe2) return false;
  if (at(1) == 0x80) return at(2) == 0x8e || at(2) == 0x8f || within(at(2), 0xaa, 0xae);
  return at(1) == 0x81 && within(at(2), 0xa6, 0xa9);
}

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

std::string printable(std::string_view bytes) {
  const std::string text = to_utf8(bytes);
  std::string safe;
  safe.reserve(text.size());
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t length = character_length(rest);
    const std::string_view one = rest.substr(0, length);
    safe += is_control(one) ? std::string_view{" "} : one;
    rest.remove_prefix(length);
  }
  return safe;
}

std::string markdown_text(std::string_view bytes) {
  constexpr std::size_t longest = 400;
  constexpr std::string_view marks = "\\`*[]|~";
  std::string_view shown = bytes.substr(0, longest);
  while (shown.size() < bytes.size() && !shown.empty() &&
         within(static_cast<unsigned char>(bytes[shown.size()]), 0x80, 0xbf))
    shown.remove_suffix(1);  // at a character's end
  const std::string text = printable(shown);
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
  if (bytes.size() > longest) safe += "…";
  return safe;
}

std::string markdown_block(std::string_view text, std::string_view language) {
  std::size_t longest = 2;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_not_of('`', at), text.size());
    longest = std::max(longest, end - at);
    at = end + 1;
  }
  const std::string fence(longest + 1, '`');
  std::string body{text};
  for (std::size_t at = body.find("<!--"); at != std::string::npos; at = body.find("<!--", at))
    body.replace(at, 4, "<! --");
  if (!body.empty() && body.back() != '\n') body += '\n';
  return fence + std::string{language} + "\n" + body + fence + "\n";
}

}  // namespace ndr
