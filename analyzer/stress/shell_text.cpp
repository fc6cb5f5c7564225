#include "analyzer/stress/shell_text.hpp"

#include "analyzer/assert.hpp"
#include "analyzer/evidence/text.hpp"
#include "analyzer/printed_text.hpp"

namespace ndr {
namespace {

constexpr std::size_t longest_comment = 300;

Refusal refused(std::string_view command, std::string reason) {
  return {printable(command.substr(0, longest_comment)), std::move(reason),
          "write the command out in words that no shell changes"};
}

// Cuts one command into words; the first thing that it cannot take literally ends it.
class WordReader {
public:
  explicit WordReader(std::string_view command) : command_(command) {}

  Checked<std::vector<std::string>> read() {
    while (at_ < command_.size()) {
      const char c = command_[at_++];
      if (c == ' ' || c == '\t' || c == '\n')
        end_word();
      else if (c == '\'' || c == '"' || c == '\\')
        read_quoted(c);
      else
        read_plain(c);
      if (!problem_.empty()) return refused(command_, problem_);
    }
    end_word();
    return Checked<std::vector<std::string>>{boost::system::in_place_value, std::move(words_)};
  }

private:
  void end_word() {
    if (in_word_) words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }
  void take(char c) {
    word_ += c;
    in_word_ = true;
  }
  void read_plain(char c) {
    constexpr std::string_view active = "$`*?[];&|<>(){}!";
    const bool leads = !in_word_ && (c == '~' || c == '#');
    if (leads || active.find(c) != std::string_view::npos)
      problem_ = std::string{"holds "} + c + ", which a shell would act on";
    take(c);
  }
  void read_quoted(char quote) {
    in_word_ = true;
    if (quote == '\\') {
      if (at_ == command_.size())
        problem_ = "ends in a backslash";
      else if (command_[at_] == '\n')
        ++at_;
      else
        take(command_[at_++]);
      return;
    }
    for (; at_ < command_.size() && command_[at_] != quote; ++at_) {
      const char c = command_[at_];
      const bool escapes = quote == '"' && c == '\\' && at_ + 1 < command_.size() &&
                           std::string_view{"$`\"\\"}.find(command_[at_ + 1]) != std::string_view::npos;
      if (quote == '"' && (c == '$' || c == '`')) problem_ = std::string{"holds "} + c + ", which a shell would act on";
      take(escapes ? command_[++at_] : c);
    }
    if (at_ == command_.size()) problem_ = "has a quote that does not end";
    ++at_;
  }

  std::string_view command_;
  std::size_t at_ = 0;
  std::string word_;
  bool in_word_ = false;
  std::vector<std::string> words_;
  std::string problem_;
};

}  // namespace

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

std::string shell_quoted(std::string_view text) {
  NDR_ASSERT(!has_nul(text));
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  }
  return quoted += '\'';
}

std::string shell_comment(std::string_view text) {
  std::string comment = printable(text.substr(0, longest_comment));
  if (text.size() > longest_comment) comment += " …";
  return std::string{trim_end(comment)};
}

Checked<std::vector<std::string>> shell_words(std::string_view command) {
  if (has_nul(command)) return refused(command, "holds NUL");
  return WordReader{command}.read();
}

}  // namespace ndr
