#include "analyzer/evidence/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace ndr {
namespace {

constexpr std::string_view blanks = " \t\r\n\v\f";

template <class Number>
std::optional<Number> parse_all(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::size_t count_while(std::string_view text, bool (*wanted)(char)) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), wanted) - text.begin());
}

// Length of the escape sequence at the front of `text`, which starts with ESC.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] == '[') {
    std::size_t i = 2;
    while (i < text.size() && (text[i] < 0x40 || text[i] > 0x7e))
      ++i;
    return std::min(i + 1, text.size());
  }
  if (text[1] == ']') {
    for (std::size_t i = 2; i < text.size(); ++i) {
      if (text[i] == '\a') return i + 1;
      if (text[i] == '\x1b') return std::min(i + 2, text.size());
    }
    return text.size();
  }
  return 2;
}

}  // namespace

std::string_view trim_end(std::string_view text) {
  const auto last = text.find_last_not_of(blanks);
  return last == std::string_view::npos ? std::string_view{} : text.substr(0, last + 1);
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  return first == std::string_view::npos ? std::string_view{} : trim_end(text.substr(first));
}

bool contains(std::string_view text, std::string_view part) {
  if (part.empty() || text.empty()) return part.empty();  // memmem() may not be given a null pointer
  return ::memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

std::string to_lower(std::string_view text) {
  std::string lower{text};
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string fold_spaces(std::string_view text) {
  std::string folded;
  for (const char c : trim(text)) {
    const bool blank = blanks.find(c) != std::string_view::npos;
    if (!blank)
      folded += c;
    else if (folded.back() != ' ')
      folded += ' ';
  }
  return folded;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::uint64_t> to_number(std::string_view digits) { return parse_all<std::uint64_t>(digits); }
std::optional<double> to_decimal(std::string_view text) { return parse_all<double>(text); }

std::string decimal_text(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

bool is_variable_name(std::string_view name) {
  return !name.empty() && !is_digit(name.front()) && std::all_of(name.begin(), name.end(), is_word);
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
  return to_number(text.substr(0, count_while(text, is_digit)));
}

std::optional<double> leading_decimal(std::string_view text) {
  const auto is_part = [](char c) { return is_digit(c) || c == '.'; };
  std::string_view digits = text.substr(0, count_while(text, is_part));
  if (digits.ends_with('.')) digits.remove_suffix(1);
  return to_decimal(digits);
}

std::optional<std::string_view> after(std::string_view text, std::string_view marker) {
  const auto at = text.find(marker);
  if (at == std::string_view::npos) return std::nullopt;
  return text.substr(at + marker.size());
}

std::uint64_t count_newlines(std::string_view text) {
  constexpr std::size_t stride = 128;  // a fixed one, whose count fits a byte, is turned into vector instructions
  std::uint64_t count = 0;
  const char* at = text.data();
  for (; text.size() >= stride; text.remove_prefix(stride), at += stride) {
    std::uint8_t some = 0;
    for (std::size_t i = 0; i < stride; ++i)
      some = static_cast<std::uint8_t>(some + (at[i] == '\n' ? 1 : 0));
    count += some;
  }
  return count + static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

std::string_view before(std::string_view text, std::string_view marker) { return text.substr(0, text.find(marker)); }

std::string_view strip_ansi(std::string_view line, std::string& buffer) {
  if (line.find('\x1b') == std::string_view::npos) return line;
  buffer.clear();
  for (std::size_t i = 0; i < line.size();) {
    if (line[i] == '\x1b') {
      i += escape_length(line.substr(i));
    } else {
      buffer += line[i++];
    }
  }
  return buffer;
}

void LineSplitter::take(std::string_view piece) {
  has_partial_ = true;
  partial_.append(piece.substr(0, longest - std::min(longest, partial_.size())));
}

void LineSplitter::emit(const Sink& sink) {
  sink(partial_, number_, offset_);
  partial_.clear();
  has_partial_ = false;
  pending_return_ = false;
}

void LineSplitter::end_line() {
  ++number_;
  offset_ = consumed_;
}

void LineSplitter::take_with_returns(std::string_view piece, const Sink& sink) {
  while (!piece.empty()) {
    const auto end = std::min(piece.find('\r'), piece.size());
    if (end > 0) {
      if (pending_return_) emit(sink);
      take(piece.substr(0, end));
    }
    if (end < piece.size()) has_partial_ = pending_return_ = true;
    piece.remove_prefix(std::min(end + 1, piece.size()));
  }
}

void LineSplitter::feed(std::string_view chunk, const Sink& sink) {
  while (!chunk.empty()) {
    const auto* found = static_cast<const char*>(std::memchr(chunk.data(), '\n', chunk.size()));
    const std::size_t length = found == nullptr ? chunk.size() : static_cast<std::size_t>(found - chunk.data());
    const std::string_view piece = chunk.substr(0, length);
    consumed_ += found == nullptr ? length : length + 1;
    chunk.remove_prefix(found == nullptr ? length : length + 1);
    const bool plain =
        found != nullptr && !has_partial_ && length <= longest && piece.find('\r') == std::string_view::npos;
    if (plain) {
      sink(piece, number_, offset_);
    } else {
      take_with_returns(piece, sink);
      if (found == nullptr) return;
      emit(sink);
    }
    end_line();
  }
}

void LineSplitter::skip(std::string_view lines) {
  number_ += count_newlines(lines);
  consumed_ += lines.size();
  offset_ = consumed_;
}

void LineSplitter::skip_hole(std::uint64_t bytes, const Sink& sink) {
  if (has_partial_) emit(sink);
  consumed_ += bytes;
  offset_ = consumed_;
}

void LineSplitter::finish(const Sink& sink) {
  if (has_partial_) emit(sink);
}

}  // namespace ndr
