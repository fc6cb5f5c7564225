#include "analyzer/evidence/formats_pytest_block.hpp"

#include <algorithm>
#include <utility>

#include "analyzer/evidence/stack.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_parts = 6;
constexpr std::string_view traceback_start = "Traceback (most recent call last):";

}  // namespace

std::string_view block_title(std::string_view text) {
  text = trim_end(text);
  if (text.size() < 5 || text.front() != '_' || text.back() != '_') return {};
  const auto first = text.find_first_not_of('_');
  if (first == std::string_view::npos || text[first] != ' ') return {};
  const auto last = text.find_last_not_of('_');
  if (last <= first || text[last] != ' ') return {};
  const std::string_view title = trim(text.substr(first, last - first));
  return title.find_first_not_of("_ ") == std::string_view::npos ? std::string_view{} : title;
}

PytestBlockReader::PytestBlockReader(std::string_view title, bool error, const LogLine& line) {
  block_.title = title;
  block_.error = error;
  block_.origin = line.origin;
  block_.parts.emplace_back();
}

bool PytestBlockReader::has_content() const {
  return !part().frames.empty() || !part().errors.empty() || !block_.notes.empty() || !statement_.empty();
}

PytestBlock PytestBlockReader::take() { return std::move(block_); }

// Lines that are recognised by their first characters.
bool PytestBlockReader::read_mark(const LogLine& line) {
  const std::string_view text = line.text;
  if (text.starts_with("-") && contains(text, " Captured ")) return captured_ = true;
  if (captured_) return true;
  if (text.starts_with("[gw") && contains(text, "] linux")) {
    block_.worker = before(text.substr(1), "]");
    return true;
  }
  if (text.starts_with(">")) {
    statement_ = trim(text.substr(1));
    statement_origin_ = line.origin;
    return true;
  }
  if (text.starts_with("E ") || text == "E") {
    if (part().errors.size() < most_kept_lines) {
      part().errors.push_back(keep(line));
      part().errors.back().text = text.size() > 4 ? text.substr(4) : std::string_view{};
    }
    return true;
  }
  const bool chained = text.starts_with("The above exception was the direct cause of") ||
                       text.starts_with("During handling of the above exception");
  if (chained && block_.parts.size() < most_parts && has_content()) block_.parts.emplace_back();
  return chained;
}

bool PytestBlockReader::read_place(const LogLine& line) {
  const auto place = line.text.starts_with(' ') ? std::nullopt : source_place(line.text);
  if (!place || place->file.find_first_of(" \t'\"") != std::string_view::npos) return false;
  const auto colon = line.text.find(':', place->file.size() + 1);
  if (colon == std::string_view::npos || part().frames.size() >= most_stack_frames) return false;
  const std::string_view rest = trim(line.text.substr(colon + 1));
  PytestFrame frame;
  frame.file = place->file;
  frame.line = place->line;
  frame.origin = line.origin;
  frame.function = std::exchange(function_, {});
  frame.statement = std::exchange(statement_, {});
  frame.statement_origin = statement_origin_;
  if (rest.starts_with("in ")) {
    frame.function = trim(rest.substr(3));
    statement_follows_ = true;
  } else {
    frame.raised = before(rest, ":");
    if (rest.find(": ") != std::string_view::npos && part().errors.empty()) {  // --tb=line
      part().errors.push_back(keep(line));
      part().errors.back().text = rest;
    }
  }
  part().frames.push_back(std::move(frame));
  return true;
}

bool PytestBlockReader::read_python_frame(const LogLine& line) {
  const auto found = python_frame(line.text, line.origin);
  if (!found || part().frames.size() >= most_stack_frames) return found.has_value();
  PytestFrame frame;
  frame.file = found->file;
  frame.line = found->line;
  frame.function = found->function;
  frame.origin = line.origin;
  part().frames.push_back(std::move(frame));
  statement_follows_ = native_ = true;
  return true;
}

void PytestBlockReader::read_source(std::string_view text) {
  if (std::exchange(statement_follows_, false) && text.starts_with("    ")) {
    part().frames.back().statement = trim(text);
    part().frames.back().statement_origin = part().frames.back().origin;
    return;
  }
  std::string_view source = trim(text);
  if (source.starts_with("async ")) source.remove_prefix(6);
  if (source.starts_with("def ")) function_ = trim(before(source.substr(4), "("));
}

void PytestBlockReader::read(const LogLine& line) {
  if (read_mark(line) || read_place(line) || read_python_frame(line)) return;
  const std::string_view text = trim_end(line.text);
  const bool plain = !text.empty() && !text.starts_with(' ') && !text.starts_with("_ _");
  if (plain && block_.notes.size() < most_kept_lines) block_.notes.push_back(keep(line));
  // --tb=native: the exception stands below the frames, without a mark, and may have more lines.
  const bool said = native_ && !part().frames.empty() && (plain ? text != traceback_start : !part().errors.empty());
  if (said && part().errors.size() < most_kept_lines) part().errors.push_back(keep(line));
  read_source(text);
}

}  // namespace ndr
