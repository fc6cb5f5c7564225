#include "analyzer/evidence/secrets.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::string_view mask = "***";

bool is_token_character(char c) { return is_word(c) || c == '-'; }

// A prefix that an issuer gives its tokens, and the fewest characters behind it.
struct TokenForm {
  std::string_view prefix;
  std::size_t fewest;
};
constexpr std::array token_forms{
    TokenForm{"ghp_", 30},  TokenForm{"gho_", 30},        TokenForm{"ghu_", 30},     TokenForm{"ghs_", 30},
    TokenForm{"ghr_", 30},  TokenForm{"github_pat_", 22}, TokenForm{"glpat-", 20},   TokenForm{"hf_", 30},
    TokenForm{"npm_", 36},  TokenForm{"pypi-", 30},       TokenForm{"xoxb-", 20},    TokenForm{"xoxp-", 20},
    TokenForm{"xoxa-", 20}, TokenForm{"xoxs-", 20},       TokenForm{"AKIA", 16},     TokenForm{"ASIA", 16},
    TokenForm{"AIza", 35},  TokenForm{"dckr_pat_", 20},   TokenForm{"sk-proj-", 20}, TokenForm{"sk-ant-", 20},
};

// How many characters from `at` on are a token; 0: none.
std::size_t token_at(std::string_view text, std::size_t at) {
  if (at > 0 && is_token_character(text[at - 1])) return 0;
  const std::string_view rest = text.substr(at);
  for (const TokenForm& form : token_forms) {
    if (!rest.starts_with(form.prefix)) continue;
    std::size_t length = form.prefix.size();
    while (length < rest.size() && is_token_character(rest[length]))
      ++length;
    return length - form.prefix.size() >= form.fewest ? length : 0;
  }
  // Three parts of base64url: {"alg... . {"...  . signature
  if (!rest.starts_with("eyJ")) return 0;
  std::size_t length = 0;
  int dots = 0;
  while (length < rest.size() && (is_token_character(rest[length]) || rest[length] == '.'))
    dots += static_cast<int>(rest[length++] == '.');
  return dots == 2 && length >= 40 && contains(rest.substr(0, length), ".eyJ") ? length : 0;
}

void mask_tokens(std::string& text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t length =
        std::string_view{"gnhpxAdse"}.find(text[at]) == std::string_view::npos ? 0 : token_at(text, at);
    if (length > 0) text.replace(at, length, mask);
  }
}

// "Bearer TOKEN", "Basic TOKEN" behind an Authorization header, "scheme://user:password@host".
void mask_after(std::string& text, std::string_view mark, std::size_t fewest) {
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + mark.size())) {
    const std::size_t begin = at + mark.size();
    std::size_t end = begin;
    while (end < text.size() &&
           (is_token_character(text[end]) || std::string_view{"./+=~"}.find(text[end]) != std::string_view::npos))
      ++end;
    if (end - begin >= fewest) text.replace(begin, end - begin, mask);
  }
}

void mask_url_passwords(std::string& text) {
  for (auto at = text.find("://"); at != std::string::npos; at = text.find("://", at + 3)) {
    const auto host_end = std::min(text.find_first_of("/ \t\n\"'?#", at + 3), text.size());
    const auto sign = std::string_view{text}.substr(0, host_end).rfind('@');
    const auto colon = text.find(':', at + 3);
    if (sign == std::string_view::npos || sign <= at + 2 || colon == std::string::npos || colon + 1 >= sign) continue;
    text.replace(colon + 1, sign - colon - 1, mask);
  }
}

void mask_private_keys(std::string& text) {
  constexpr std::string_view begin = "-----BEGIN ";
  for (auto at = text.find(begin); at != std::string::npos; at = text.find(begin, at + begin.size())) {
    const auto head = text.find("PRIVATE KEY-----", at);
    if (head == std::string::npos || head > at + 40) continue;
    const auto end = text.find("-----END ", head);
    const std::size_t from = head + std::string_view{"PRIVATE KEY-----"}.size();
    text.replace(from, std::min(end, text.size()) - from, mask);
  }
}

bool is_capital(char c) { return (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_'; }

bool names_secret(std::string_view name) {
  const std::string lower = to_lower(name);
  const std::string joined = "_" + lower + "_";
  for (const std::string_view pair :
       {"_api_key_", "_private_key_", "_access_key_", "_secret_key_", "_auth_key_", "_ssh_key_"}) {
    if (contains(joined, pair)) return true;
  }
  for (const std::string_view word : split(lower, '_')) {
    if (is_one_of(word, {"token", "secret", "secrets", "password", "passwords", "passwd", "passphrase", "apikey",
                         "credential", "credentials", "pat", "auth", "webhook"}))
      return true;
    for (const std::string_view end : {"token", "secret", "password", "apikey", "passphrase"}) {
      if (word.ends_with(end)) return true;
    }
  }
  return false;
}

// A number or a switch.
bool is_plain_setting(std::string_view value) {
  return value.empty() || (to_decimal(value) && value.size() <= 10) ||
         is_one_of(to_lower(value), {"true", "false", "on", "off", "yes", "no", "none"});
}

void mask_assignments(std::string& text) {
  for (auto at = text.find('='); at != std::string::npos; at = text.find('=', at + 1)) {
    std::size_t begin = at;
    while (begin > 0 && is_capital(text[begin - 1]))
      --begin;
    std::size_t end = at + 1;
    while (end < text.size() && std::string_view{" \t\n\"'$;&|)"}.find(text[end]) == std::string_view::npos)
      ++end;
    const std::string_view value = std::string_view{text}.substr(at + 1, end - at - 1);
    const bool named = begin < at && names_secret(std::string_view{text}.substr(begin, at - begin));
    if (named && !is_plain_setting(value)) text.replace(at + 1, end - at - 1, mask);
  }
}

}  // namespace

bool is_secret(std::string_view name, std::string_view value) {
  return (names_secret(name) && !is_plain_setting(value)) || without_secrets(std::string{value}) != value;
}

std::string without_secrets(std::string text) {
  mask_tokens(text);
  mask_after(text, "Bearer ", 16);
  mask_after(text, "Authorization: Basic ", 8);
  mask_after(text, "authorization: basic ", 8);
  mask_url_passwords(text);
  mask_private_keys(text);
  mask_assignments(text);
  return text;
}

}  // namespace ndr
