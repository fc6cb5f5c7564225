#include "analyzer/evidence/colourless_text.hpp"

#include <algorithm>
#include <cstring>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr char escape = '\x1b';

std::size_t find_escape(std::string_view text, std::size_t from) {
  if (from >= text.size()) return text.size();
  const void* found = std::memchr(text.data() + from, escape, text.size() - from);
  return found == nullptr ? text.size() : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

// Length of the control sequence at the front of `text`; 0 where something else follows ESC.
std::size_t control_length(std::string_view text) {
  if (!text.substr(1).starts_with('[')) return 0;
  std::size_t end = 2;
  while (end < text.size() && (is_digit(text[end]) || text[end] == ';'))
    ++end;
  const bool ends = end < text.size() && text[end] >= 0x40 && text[end] <= 0x7e;
  return ends ? end + 1 : 0;
}

}  // namespace

void ColourlessText::assign(std::string_view lines) {
  cuts_.clear();
  others_.clear();
  std::size_t at = find_escape(lines, 0);
  if (at == lines.size()) {
    text_ = lines;
    return;
  }
  buffer_.clear();
  std::size_t from = 0;
  for (; at < lines.size(); at = find_escape(lines, std::max(from, at + 1))) {
    const std::size_t length = control_length(lines.substr(at));
    if (length == 0) {
      others_.push_back(at);
      continue;
    }
    buffer_.append(lines.substr(from, at - from));
    from = at + length;
    cuts_.push_back({buffer_.size(), from});
  }
  buffer_.append(lines.substr(from));
  text_ = buffer_;
}

std::size_t ColourlessText::raw(std::size_t at) const {
  const auto after =
      std::upper_bound(cuts_.begin(), cuts_.end(), at, [](std::size_t a, const Cut& c) { return a < c.text; });
  return after == cuts_.begin() ? at : at - (after - 1)->text + (after - 1)->raw;
}

}  // namespace ndr
