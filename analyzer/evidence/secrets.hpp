#pragma once
#include <string>
#include <string_view>

namespace ndr {

/// Whether a variable holds a secret, by a word of its name between underscores (HF_TOKEN, DB_PASSWORD, GH_PAT) or the
/// end of one (GITHUBTOKEN), or by the form of its value, of which 8 KiB are looked at. Numbers, switches, paths and
/// texts of less than six characters are none, whatever their name: EOS_TOKEN=2; nor are MAX_TOKENS, AUTH_MODE and
/// MODEL_PATH.
bool is_secret(std::string_view name, std::string_view value);

/// The text with "***" for what has the form of a credential: tokens of GitHub, GitLab, Hugging Face, npm, PyPI, Slack,
/// AWS, Google and Docker by their prefixes, JSON web tokens, `Bearer ...`, `scheme://user:password@host`, and private
/// keys; and for the value in NAME=value, where the name is in capitals and the variable holds a secret. Forms as their
/// issuers document them for scanners.
std::string without_secrets(std::string text);

}  // namespace ndr
