#include "analyzer/evidence/secrets.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::string_view mask = "***";
constexpr std::size_t longest_looked_at = 8192;  // of one value

enum class Alphabet { letters_and_digits, capitals_and_digits, with_marks };

bool fits(char c, Alphabet alphabet) {
  switch (alphabet) {
    case Alphabet::letters_and_digits:
      return is_word(c) && c != '_';
    case Alphabet::capitals_and_digits:
      return is_digit(c) || (c >= 'A' && c <= 'Z');
    case Alphabet::with_marks:
      return is_word(c) || c == '-' || c == '.';
  }
  return false;
}

// A prefix that an issuer gives its tokens, what follows it, and how much of that at least.
struct TokenForm {
  std::string_view prefix;
  std::size_t fewest;
  Alphabet alphabet;
};
constexpr auto plain = Alphabet::letters_and_digits;
constexpr auto marks = Alphabet::with_marks;
constexpr std::array token_forms{
    TokenForm{"ghp_", 30, plain},
    TokenForm{"gho_", 30, plain},
    TokenForm{"ghu_", 30, plain},
    TokenForm{"ghs_", 30, plain},
    TokenForm{"ghr_", 30, plain},
    TokenForm{"github_pat_", 22, marks},
    TokenForm{"glpat-", 20, marks},
    TokenForm{"glrt-", 20, marks},
    TokenForm{"hf_", 30, plain},
    TokenForm{"npm_", 36, plain},
    TokenForm{"pypi-", 60, marks},
    TokenForm{"xoxb-", 20, marks},
    TokenForm{"xoxp-", 20, marks},
    TokenForm{"xoxa-", 20, marks},
    TokenForm{"xoxs-", 20, marks},
    TokenForm{"xapp-", 20, marks},
    TokenForm{"AIza", 35, marks},
    TokenForm{"dckr_pat_", 20, marks},
    TokenForm{"sk-proj-", 20, marks},
    TokenForm{"sk-ant-", 20, marks},
    TokenForm{"sk-svcacct-", 20, marks},
    TokenForm{"sk-", 40, plain},
    TokenForm{"sk_live_", 20, plain},
    TokenForm{"hvs.", 24, marks},
    TokenForm{"ya29.", 30, marks},
    TokenForm{"SG.", 40, marks},
    TokenForm{"AKIA", 16, Alphabet::capitals_and_digits},
    TokenForm{"ASIA", 16, Alphabet::capitals_and_digits},
};

bool has_digit(std::string_view text) { return std::any_of(text.begin(), text.end(), is_digit); }

// How many characters from the front on are a token; 0: none.
std::size_t token_length(std::string_view rest) {
  for (const TokenForm& form : token_forms) {
    if (!rest.starts_with(form.prefix)) continue;
    std::size_t length = form.prefix.size();
    while (length < rest.size() && fits(rest[length], form.alphabet))
      ++length;
    const std::string_view body = rest.substr(form.prefix.size(), length - form.prefix.size());
    const bool ends = length == rest.size() || !is_word(rest[length]);
    const bool whole = form.alphabet != Alphabet::capitals_and_digits || body.size() == form.fewest;
    if (ends && whole && body.size() >= form.fewest && has_digit(body)) return length;
  }
  // Parts of base64url: {"alg... . {"... . signature
  if (!rest.starts_with("eyJ")) return 0;
  std::size_t length = 0;
  while (length < rest.size() && fits(rest[length], marks))
    ++length;
  return length >= 40 && contains(rest.substr(0, length), ".eyJ") ? length : 0;
}

// Tokens begin where a word does; a word is looked at once.
void mask_tokens(std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    if (!is_word(text[at])) {
      ++at;
      continue;
    }
    const std::size_t length = token_length(std::string_view{text}.substr(at));
    if (length > 0) {
      text.replace(at, length, mask);
      at += mask.size();
      continue;
    }
    while (at < text.size() && (is_word(text[at]) || text[at] == '-' || text[at] == '.'))
      ++at;
  }
}

constexpr std::string_view value_ends = " \t\r\n\"'`;&|)<>,";

// The value behind each mark, which is in small letters: "bearer TOKEN", "--password=...".
void mask_after(std::string& text, std::string_view mark, std::size_t fewest) {
  const std::string lower = to_lower(text);
  std::string masked;
  std::size_t copied = 0;
  for (auto at = lower.find(mark); at != std::string::npos; at = lower.find(mark, at)) {
    std::size_t begin = at + mark.size();
    while (begin < text.size() && (text[begin] == '"' || text[begin] == '\''))
      ++begin;
    const std::size_t end = std::min(text.find_first_of(value_ends, begin), text.size());
    at = std::max(end, begin);
    if (end <= begin || end - begin < fewest || text[begin] == '$' || text[begin] == '*') continue;
    masked.append(text, copied, begin - copied).append(mask);
    copied = end;
  }
  if (copied > 0) text = masked.append(text, copied, std::string::npos);
}

// "scheme://user:password@host", "scheme://TOKEN@host"
void mask_url_passwords(std::string& text) {
  constexpr std::size_t longest_credentials = 300;
  for (auto at = text.find("://"); at != std::string::npos; at = text.find("://", at + 3)) {
    const std::string_view rest = std::string_view{text}.substr(at + 3, longest_credentials);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/ \t\n\"'?#[]"));
    const auto sign = authority.rfind('@');
    if (sign == std::string_view::npos || sign == 0) continue;
    const std::string_view user = authority.substr(0, sign);
    const auto colon = user.find(':');
    if (colon != std::string_view::npos && colon + 1 < user.size())
      text.replace(at + 3 + colon + 1, user.size() - colon - 1, mask);
    else if (colon == std::string_view::npos && user.size() >= 16 && has_digit(user))
      text.replace(at + 3, user.size(), mask);
  }
}

void mask_private_keys(std::string& text) {
  constexpr std::string_view head_end = "PRIVATE KEY-----";
  for (auto at = text.find("-----BEGIN "); at != std::string::npos; at = text.find("-----BEGIN ", at + 11)) {
    const auto head = text.substr(at, 60).find(head_end);
    if (head == std::string::npos) continue;
    const std::size_t from = at + head + head_end.size();
    text.replace(from, std::min(text.find("-----END ", from), text.size()) - from, mask);
  }
}

bool names_secret(std::string_view name) {
  if (name.size() > 128) return false;
  const std::string lower = to_lower(name);
  const auto words = split(lower, '_');
  // What is about a secret, and is none: where it lies, of what kind it is, how many there may be.
  if (is_one_of(words.back(), {"dir", "file", "path", "sock", "mode", "type", "id", "url", "host", "user", "name",
                               "count", "size", "len", "length", "limit", "index", "enabled", "required"}))
    return false;
  const std::string joined = "_" + lower + "_";
  for (const std::string_view pair :
       {"_api_key_", "_private_key_", "_access_key_", "_secret_key_", "_auth_key_", "_ssh_key_"}) {
    if (contains(joined, pair)) return true;
  }
  for (const std::string_view word : words) {
    if (is_one_of(word, {"token", "secret", "secrets", "password", "passwords", "passwd", "passphrase", "apikey",
                         "credential", "credentials", "pat", "auth", "webhook"}))
      return true;
    for (const std::string_view end : {"token", "secret", "password", "apikey", "passphrase"}) {
      if (word.ends_with(end)) return true;
    }
  }
  return false;
}

// A number, a switch, a path: nothing that opens anything.
bool is_plain_setting(std::string_view value) {
  return value.size() < 6 || value.starts_with('/') || value.starts_with('<') || value.starts_with('$') ||
         (to_decimal(value) && value.size() <= 10) || is_one_of(to_lower(value), {"disabled", "enabled", "optional"});
}

bool is_capital(char c) { return (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_'; }

// NAME=value and NAME="value", where the name is in capitals.
void mask_assignments(std::string& text) {
  constexpr std::size_t longest_name = 128;
  for (auto at = text.find('='); at != std::string::npos; at = text.find('=', at + 1)) {
    std::size_t begin = at;
    while (begin > 0 && at - begin < longest_name && is_capital(text[begin - 1]))
      --begin;
    if (begin == at || !names_secret(std::string_view{text}.substr(begin, at - begin))) continue;
    std::size_t from = at + 1;
    while (from < text.size() && (text[from] == '"' || text[from] == '\''))
      ++from;
    const std::size_t end = std::min(text.find_first_of(value_ends, from), text.size());
    const std::string_view value = std::string_view{text}.substr(from, end - from);
    if (value.starts_with('=') || is_plain_setting(value)) continue;
    text.replace(from, value.size(), mask);
    at = from;
  }
}

}  // namespace

bool is_secret(std::string_view name, std::string_view value) {
  value = value.substr(0, longest_looked_at);
  return (names_secret(name) && !is_plain_setting(value)) || without_secrets(std::string{value}) != value;
}

std::string without_secrets(std::string text) {
  mask_tokens(text);
  mask_after(text, "bearer ", 16);
  mask_after(text, "authorization: basic ", 8);
  mask_after(text, "authorization: token ", 8);
  mask_after(text, "x-api-key: ", 8);
  for (const std::string_view mark : {"--token=", "--token ", "--password=", "--password ", "--api-key=", "\"token\": ",
                                      "\"password\": ", "?token=", "&token=", "access_token=", "x-amz-signature="})
    mask_after(text, mark, 6);
  mask_after(text, "hooks.slack.com/services/", 8);
  mask_url_passwords(text);
  mask_private_keys(text);
  mask_assignments(text);
  return text;
}

}  // namespace ndr
