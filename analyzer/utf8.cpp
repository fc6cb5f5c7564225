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

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace ndr
