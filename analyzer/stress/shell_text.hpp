#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/refusal.hpp"

namespace ndr {

/// One word of a shell that stands for exactly these bytes, whatever they are. NUL, which no shell can hold, is a bug
/// of the caller: refuse it first, see has_nul().
std::string shell_quoted(std::string_view text);
bool has_nul(std::string_view text);

/// The text for a comment: one line, without controls, at most 300 bytes.
std::string shell_comment(std::string_view text);

/// The words of one simple command, unquoted. Refuses (field: the command) what a shell would expand or do with it:
/// `$`, backquotes, globs, redirections, lists, and quotes that do not end. A leading `~` too.
Checked<std::vector<std::string>> shell_words(std::string_view command);

}  // namespace ndr
