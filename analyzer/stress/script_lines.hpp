#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ndr {

/// One command line of a shell script: continuations joined, comments and here-documents left out.
struct ScriptLine {
  std::uint64_t line = 0;  // where it begins, from 1
  std::string text;
};

std::vector<ScriptLine> script_lines(std::string_view script);

/// Whether `word` stands in the text by itself: no letter, digit, `_` or `-` beside it.
bool has_word(std::string_view text, std::string_view word);

}  // namespace ndr
