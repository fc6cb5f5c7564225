// What the signatures of several logs of one failure share.
#include <algorithm>

#include "analyzer/assert.hpp"
#include "analyzer/evidence/mask.hpp"
#include "analyzer/evidence/signature.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::size_t fewest_letters = 12;  // of a shared part of a message; less could be anybody's

void keep_if_same(std::string& kept, const std::string& other) {
  if (kept != other) kept.clear();
}

std::size_t letters_in(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return is_word(c) && !is_digit(c); }));
}

// The words at both ends that agree, and the mark of anything between them.
std::string shared_template(std::string_view a, std::string_view b) {
  if (a == b) return std::string{a};
  const auto words_a = split(a, ' ');
  const auto words_b = split(b, ' ');
  const std::size_t shorter = std::min(words_a.size(), words_b.size());
  std::size_t front = 0;
  while (front < shorter && words_a[front] == words_b[front])
    ++front;
  std::size_t back = 0;
  while (back < shorter - front && words_a[words_a.size() - 1 - back] == words_b[words_b.size() - 1 - back])
    ++back;
  std::string shared;
  for (std::size_t i = 0; i < front; ++i)
    shared += std::string{words_a[i]} + " ";
  shared += any_mark;
  for (std::size_t i = words_a.size() - back; i < words_a.size(); ++i)
    shared += " " + std::string{words_a[i]};
  return letters_in(shared) < fewest_letters + letters_in(any_mark) ? std::string{} : shared;
}

void keep_shared(std::vector<std::string>& kept, const std::vector<std::string>& other) {
  std::erase_if(kept, [&](const auto& item) { return std::find(other.begin(), other.end(), item) == other.end(); });
}

}  // namespace

Signature common_signature(const std::vector<Signature>& signatures) {
  NDR_ASSERT(!signatures.empty());
  Signature common = signatures.front();
  for (const Signature& other : signatures) {
    keep_if_same(common.exception, other.exception);
    common.message_template = shared_template(common.message_template, other.message_template);
    keep_if_same(common.site_file, other.site_file);
    keep_if_same(common.site_function, other.site_function);
    keep_if_same(common.statement, other.statement);
    keep_if_same(common.test_name, other.test_name);
    common.raised_in_test = common.raised_in_test && other.raised_in_test;
    const auto differ =
        std::mismatch(common.frames.begin(), common.frames.end(), other.frames.begin(), other.frames.end());
    common.frames.erase(differ.first, common.frames.end());
    keep_shared(common.literals, other.literals);
  }
  return common;
}

bool fits_template(std::string_view wanted, std::string_view seen) {
  const auto first = wanted.find(any_mark);
  if (first == std::string_view::npos) return wanted == seen;
  const std::string_view front = wanted.substr(0, first);
  const std::string_view back = wanted.substr(wanted.rfind(any_mark) + any_mark.size());
  return seen.size() >= front.size() + back.size() && seen.starts_with(front) && seen.ends_with(back);
}

}  // namespace ndr
