#include "analyzer/evidence/mask.hpp"

#include <algorithm>

#include "analyzer/evidence/signature.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::string_view path_ends = " \t\"'`()[]{},;:=<>|";

bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

std::size_t uuid_length(std::string_view text) {
  constexpr std::string_view shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() < shape.size()) return 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 'x' ? !is_hex(text[i]) : text[i] != '-') return 0;
  }
  return text.size() > shape.size() && is_word(text[shape.size()]) ? 0 : shape.size();
}

// 0x1f, or a bare word of 8 or more hex digits with both letters and digits.
std::size_t hex_length(std::string_view text) {
  const bool marked = text.starts_with("0x") || text.starts_with("0X");
  std::size_t end = marked ? 2 : 0;
  bool digit = false;
  bool letter = false;
  for (; end < text.size() && is_hex(text[end]); ++end)
    (is_digit(text[end]) ? digit : letter) = true;
  const bool ends = end == text.size() || !is_word(text[end]);
  if (marked) return end > 2 ? end : 0;
  return ends && digit && letter && end >= 8 ? end : 0;
}

// 12, -3, 0.5, 1e-05
std::size_t number_length(std::string_view text, bool may_have_sign) {
  std::size_t i = may_have_sign && text.starts_with('-') ? 1 : 0;
  if (i >= text.size() || !is_digit(text[i])) return 0;
  const auto skip_digits = [&] {
    while (i < text.size() && is_digit(text[i]))
      ++i;
  };
  skip_digits();
  if (i + 1 < text.size() && text[i] == '.' && is_digit(text[i + 1])) {
    ++i;
    skip_digits();
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    const std::size_t sign = i + 1 < text.size() && (text[i + 1] == '-' || text[i + 1] == '+') ? 1 : 0;
    if (i + 1 + sign < text.size() && is_digit(text[i + 1 + sign])) {
      i += 1 + sign;
      skip_digits();
    }
  }
  return i;
}

bool has_extension(std::string_view name) {
  const auto dot = name.rfind('.');
  return dot != std::string_view::npos && dot > 0 && dot + 1 < name.size() && !is_digit(name[dot + 1]);
}

// Length of the folders in front of a file's name: all of them for an absolute path, or where the name has an
// extension.
std::size_t folders_length(std::string_view text) {
  const std::string_view path = text.substr(0, text.find_first_of(path_ends));
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0) return 0;
  return path.starts_with('/') || has_extension(path.substr(slash + 1)) ? slash : 0;
}

// Walks through the message once; knows whether it is at the start of a word and inside quotes.
class MessageCutter {
public:
  explicit MessageCutter(std::string_view message) : message_(message) {}

  std::vector<MessagePart> cut() {
    while (at_ < message_.size())
      step();
    keep_until(at_);
    return std::move(parts_);
  }

private:
  void step() {
    const std::string_view rest = message_.substr(at_);
    const char previous = at_ == 0 ? ' ' : message_[at_ - 1];
    const bool word_begins = !is_word(previous);
    if (word_begins && mask(folders_length(rest), "<path>")) return;
    if (word_begins && mask(uuid_length(rest), "<uuid>")) return;
    if (word_begins && mask(hex_length(rest), "<hex>")) return;
    if (word_begins && mask(number_length(rest, previous != ')' && previous != '>'), "<n>")) return;
    if (quote_ != '\0' && mask(number_length(rest, false), "<n>")) return;
    follow_quotes(previous);
    ++at_;
  }

  bool mask(std::size_t length, std::string_view mark) {
    if (length == 0) return false;
    keep_until(at_);
    parts_.push_back({true, message_.substr(at_, length), mark});
    at_ += length;
    kept_from_ = at_;
    return true;
  }

  void keep_until(std::size_t end) {
    if (end > kept_from_) parts_.push_back({false, message_.substr(kept_from_, end - kept_from_), {}});
    kept_from_ = end;
  }

  void follow_quotes(char previous) {
    const char c = message_[at_];
    if (quote_ != '\0') {
      if (c == quote_) quote_ = '\0';
    } else if ((c == '\'' || c == '"' || c == '`') && !is_word(previous)) {
      quote_ = c == '`' ? '\'' : c;  // `like this', as C programs print it
    }
  }

  std::string_view message_;
  std::size_t at_ = 0;
  std::size_t kept_from_ = 0;
  char quote_ = '\0';
  std::vector<MessagePart> parts_;
};

// "<n>, <n>, <n>" has as many members as the run's data: one stands for all.
std::string fold_number_lists(std::string text) {
  for (const std::string_view list : {"<n>, <n>", "<n>,<n>", "<hex>, <hex>"}) {
    const std::string_view single = list.substr(0, list.find(','));
    for (auto at = text.find(list); at != std::string::npos; at = text.find(list, at)) {
      text.replace(at, list.size(), single);
    }
  }
  return text;
}

}  // namespace

std::vector<MessagePart> message_parts(std::string_view message) { return MessageCutter{message}.cut(); }

std::string mask_values(std::string_view message) {
  std::string text;
  for (const MessagePart& part : message_parts(message))
    text += part.masked ? part.mark : part.text;
  return fold_number_lists(fold_spaces(text));
}

}  // namespace ndr
