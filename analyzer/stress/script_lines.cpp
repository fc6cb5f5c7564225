#include "analyzer/stress/script_lines.hpp"

#include <algorithm>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

// Without a comment at its end: "#" at a word's front, outside of quotes.
std::string_view without_comment(std::string_view line) {
  char quote = '\0';
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\' && quote != '\'')
      ++i;
    else if (quote != '\0')
      quote = c == quote ? '\0' : quote;
    else if (c == '\'' || c == '"')
      quote = c;
    else if (c == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t' || line[i - 1] == ';'))
      return line.substr(0, i);
  }
  return line;
}

bool is_here_character(char c) { return is_word(c) || c == '-' || c == '.' || c == '+'; }

// The words that end the here-documents which begin on this line: "<<END", "<<-'END'", outside of quotes.
std::vector<std::string> here_words(std::string_view line) {
  std::vector<std::string> words;
  char quote = '\0';
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\' && quote != '\'') {
      ++i;
    } else if (quote != '\0') {
      quote = c == quote ? '\0' : quote;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (line.substr(i).starts_with("((")) {
      i = std::min(line.find("))", i), line.size());
    } else if (line.substr(i).starts_with("<<<")) {
      i += 2;
    } else if (line.substr(i).starts_with("<<")) {
      std::size_t at = i + 2;
      if (at < line.size() && line[at] == '-') ++at;
      while (at < line.size() && line[at] == ' ')
        ++at;
      std::string word;
      for (;
           at < line.size() && (is_here_character(line[at]) || line[at] == '\'' || line[at] == '"' || line[at] == '\\');
           ++at) {
        if (is_here_character(line[at])) word += line[at];
      }
      if (!word.empty()) words.push_back(std::move(word));
      i = at - 1;
    }
  }
  return words;
}

}  // namespace

bool has_word(std::string_view text, std::string_view word) {
  const auto joins = [](char c) { return is_word(c) || c == '-'; };
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !joins(text[at - 1])) && (end == text.size() || !joins(text[end]))) return true;
  }
  return false;
}

std::vector<ScriptLine> script_lines(std::string_view script) {
  std::vector<ScriptLine> lines;
  std::vector<std::string> here;  // words that are waited for, in their order
  std::uint64_t number = 0;
  bool goes_on = false;
  for (std::string_view raw : split(script, '\n')) {
    ++number;
    if (!here.empty()) {
      if (trim(raw) == here.front()) here.erase(here.begin());
      continue;
    }
    std::string_view text = trim(without_comment(raw));
    here = here_words(text);
    const bool continues = text.ends_with('\\');
    if (continues) text = trim_end(text.substr(0, text.size() - 1));
    if (goes_on && !lines.empty())
      lines.back().text.append(" ").append(text);
    else if (!text.empty())
      lines.push_back({number, std::string{text}});
    goes_on = continues;
  }
  return lines;
}

}  // namespace ndr
