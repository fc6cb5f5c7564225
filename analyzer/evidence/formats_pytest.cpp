#include "analyzer/evidence/formats_pytest.hpp"

#include <algorithm>
#include <array>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_blocks = 16;
constexpr std::array<std::string_view, 7> verdict_words{"PASSED", "FAILED", "ERROR", "SKIPPED",
                                                        "XFAIL",  "XPASS",  "RERUN"};

std::string_view leading_verdict(std::string_view text) {
  for (const std::string_view word : verdict_words) {
    if (text.starts_with(word) && (text.size() == word.size() || !is_word(text[word.size()]))) return word;
  }
  return {};
}

// Of pytest-subtests: "[message] (x=1) SUBFAIL"; those that pass say nothing of their test.
std::string_view subtest_verdict(std::string_view text) {
  for (const std::string_view word : {" SUBFAILED", " SUBFAIL"}) {
    const auto at = text.rfind(word);
    if (at != std::string_view::npos) return text.substr(at + 1, word.size() - 1);
  }
  return {};
}

// "[ 46%]"
bool is_percentage(std::string_view text) {
  text = trim(text);
  return text.starts_with('[') && text.ends_with("%]") && leading_number(trim(text.substr(1))).has_value();
}

// The length of "[params]" at the front: up to the bracket that closes it and ends the word.
std::size_t parameters_length(std::string_view text) {
  int depth = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[') ++depth;
    if (text[i] != ']') continue;
    --depth;
    const bool ends = i + 1 == text.size() || text[i + 1] == ' ';
    if (ends && depth == 0) return i + 1;
    if (ends && !leading_verdict(trim(text.substr(i + 1))).empty()) last = i + 1;
  }
  return last;
}

// A verdict below the test's own output: alone, with its percentage, or with device logging glued to it.
std::string_view lone_verdict(std::string_view text) {
  const std::string_view word = leading_verdict(text);
  const std::string_view rest = text.substr(word.size());
  if (!word.empty())
    return trim(rest).empty() || is_percentage(rest) || rest.starts_with("   ") ? word : std::string_view{};
  const auto open = text.rfind(" [");
  if (open == std::string_view::npos || !is_percentage(text.substr(open))) return {};
  const std::string_view start = trim_end(text.substr(0, open));
  for (const std::string_view end : verdict_words) {
    if (start.ends_with(end)) return end;
  }
  return {};
}

// "=== title ===": the title.
std::string_view rule_title(std::string_view text) {
  text = trim_end(text);
  if (!text.starts_with("==") || !text.ends_with('=')) return {};
  const auto first = text.find_first_not_of('=');
  if (first == std::string_view::npos || text[first] != ' ') return {};
  return trim(text.substr(first, text.find_last_not_of('=') + 1 - first));
}

bool is_section(std::string_view title) {
  constexpr std::array<std::string_view, 9> titles{"FAILURES",           "ERRORS",           "PASSES",
                                                   "XFAILURES",          "warnings summary", "short test summary info",
                                                   "rerun test summary", "slowest ",         "test session starts"};
  return std::any_of(titles.begin(), titles.end(), [&](auto start) { return title.starts_with(start); });
}

// "... in 139.50s" with a count in front.
bool is_result(std::string_view text) {
  if (text.empty() || !(is_digit(text.front()) || text.starts_with("no tests ran"))) return false;
  const auto in = text.rfind(" in ");
  if (in == std::string_view::npos) return false;
  const std::string_view time = text.substr(in + 4);
  return leading_decimal(time) && contains(before(time, " "), "s");
}

// "14 passed in 7.41s": a session that printed no header; not "3 files changed in 2s".
bool counts_tests(std::string_view text) {
  const std::string_view counts = before(trim(text), " in ");
  return contains(counts, " passed") || contains(counts, " failed") || contains(counts, " skipped");
}

std::string quoted_test(std::string_view text) {
  const auto begin = after(text, "crashed while running '");
  if (!begin) return {};
  const auto end = begin->rfind('\'');
  return end == std::string_view::npos ? std::string{} : std::string{begin->substr(0, end)};
}

}  // namespace

std::size_t node_id_length(std::string_view text) {
  const auto file_end = text.find(".py::");
  if (file_end == std::string_view::npos) return 0;
  const auto may_be_path = [](char c) { return is_word(c) || c == '/' || c == '.' || c == '-' || c == '+' || c < 0; };
  if (!std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(file_end), may_be_path)) return 0;
  std::size_t end = file_end + 5;
  const auto is_name = [&](std::size_t at) { return is_word(text[at]) || static_cast<unsigned char>(text[at]) > 127; };
  while (end < text.size()) {
    const bool colons = text.substr(end).starts_with("::");
    if (!colons && !is_name(end)) break;
    end += colons ? 2 : 1;
  }
  if (end < text.size() && text[end] == '[') {
    const std::size_t parameters = parameters_length(text.substr(end));
    return parameters == 0 ? 0 : end + parameters;
  }
  return end == file_end + 5 ? 0 : end;
}

std::optional<PytestVerdict> read_verdict(std::string_view text) {
  PytestVerdict verdict;
  if (text.starts_with("[gw")) {
    verdict.worker = before(text.substr(1), "]");
    text = trim(text.substr(std::min(verdict.worker.size() + 2, text.size())));
    if (text.starts_with('[')) text = trim(after(text, "%]").value_or(""));
    verdict.word = leading_verdict(text);
    text = trim(text.substr(verdict.word.size()));
    verdict.id = text.substr(0, node_id_length(text));
    return verdict.word.empty() || verdict.id.empty() ? std::nullopt : std::optional{verdict};
  }
  const std::size_t length = node_id_length(text);
  if (length == 0 || (length < text.size() && text[length] != ' ')) return std::nullopt;
  verdict.id = text.substr(0, length);
  const std::string_view rest = trim(text.substr(length));
  verdict.word = leading_verdict(rest);
  if (verdict.word.empty() && (rest.starts_with('[') || rest.starts_with('('))) verdict.word = subtest_verdict(rest);
  return verdict;
}

void PytestReader::begin_session(const LogLine& line) {
  ++sessions_;
  section_ = Section::progress;
  if (session_.failed()) {
    in_header_ = false;
    return;
  }
  session_ = PytestSession{};
  finished_.forget();
  session_.number = sessions_ - 1;
  session_.begun = line.origin;
  in_header_ = true;
}

bool PytestReader::read(const LogLine& line) {
  ended_well_ = false;
  if (read_rule(line)) return true;
  if (line.text.starts_with("ImportError while loading conftest")) {  // before any session, and its only output
    begin_session(line);
    in_header_ = false;
    section_ = Section::blocks;
    block_.emplace("", true, line);
    return true;
  }
  const bool other_session = sessions_ > 0 && session_.number != sessions_ - 1;
  if (other_session) return false;  // the first failed one is what counts
  if (in_header_ && read_header_line(line)) return true;
  if (section_ == Section::blocks) {
    read_crashed_worker(line);
    const std::string_view title = block_title(line.text);
    const bool heading = block_ && !block_->has_content();  // below a title that has nothing of its own yet
    if (!title.empty() && !heading) {
      close_block();
      block_.emplace(title, blocks_are_errors_, line);
    } else {
      // --tb=line: one place and message after the other
      const bool between = (!block_ || block_->is_one_line()) && !line.text.starts_with(' ');
      if (between && source_place(line.text)) {
        close_block();
        block_.emplace("", blocks_are_errors_, line);
      }
      if (block_) block_->read(line);
    }
    return true;
  }
  if (section_ == Section::summary) {
    read_summary(line);
    return true;
  }
  return section_ == Section::progress && read_progress(line);
}

bool PytestReader::read_rule(const LogLine& line) {
  const std::string_view title = rule_title(line.text);
  if (title.empty()) {
    if (sessions_ == 0 && is_result(trim(line.text)) && counts_tests(line.text)) begin_session(line);  // -q
    return sessions_ > 0 && take_result_line(trim(line.text));
  }
  if (title == "test session starts") {
    begin_session(line);
    return true;
  }
  if (sessions_ == 0 && is_section(title)) begin_session(line);  // -q prints no header
  if (sessions_ > 0 && session_.number == sessions_ - 1) take_section(title);
  return true;
}

void PytestReader::take_section(std::string_view title) {
  if (!is_section(title) && !is_result(title)) return;  // a rule that a test printed
  close_block();
  in_header_ = false;
  if (title == "FAILURES" || title == "ERRORS") {
    section_ = Section::blocks;
    blocks_are_errors_ = title == "ERRORS";
  } else if (title == "short test summary info") {
    section_ = Section::summary;
  } else if (!take_result_line(title) && is_section(title)) {
    section_ = Section::other;
  }
}

// "1 failed, 467 passed, 3 warnings in 139.50s (0:02:19)"
bool PytestReader::take_result_line(std::string_view text) {
  if (!is_result(text)) return false;
  const bool none_ran = text.starts_with("no tests ran");
  bool bad = false;
  bool counted = none_ran;
  for (const std::string_view count : split(none_ran ? std::string_view{} : text.substr(0, text.rfind(" in ")), ',')) {
    if (none_ran) break;
    const auto number = leading_number(trim(count));
    if (!number) return false;
    const std::string_view what = trim(trim(count).substr(std::to_string(*number).size()));
    counted = counted || what == "passed" || what == "failed" || what.starts_with("error") || what == "skipped";
    bad = bad || (*number > 0 && (what == "failed" || what.starts_with("error")));
  }
  if (!counted || session_.number != sessions_ - 1) return counted;
  session_.reported = true;
  session_.bad = bad;
  session_.running.reset();
  section_ = Section::progress;
  return true;
}

bool PytestReader::read_header_line(const LogLine& line) {
  const std::string_view text = trim(line.text);
  if (text.starts_with("timeout: ")) {
    if (const auto seconds = leading_decimal(text.substr(9))) session_.timeout_s = sourced(*seconds, line.origin);
    return true;
  }
  if (text.starts_with("rootdir: ")) {
    session_.root = before(before(text.substr(9), ","), " ");
    return true;
  }
  const bool test = contains(text, ".py::") || contains(text, ".py ");
  const bool ends = test || contains(text, "collected ") || text.starts_with("scheduling tests");
  if (ends) in_header_ = false;
  return ends && !test;
}

bool PytestReader::read_progress(const LogLine& line) {
  if (const auto verdict = read_verdict(line.text)) {
    if (sessions_ == 0) begin_session(line);  // the log begins in mid-session
    take_verdict(*verdict, line);
    return true;
  }
  if (read_crashed_worker(line)) return true;
  const std::string_view word = session_.running ? lone_verdict(line.text) : std::string_view{};
  if (!word.empty()) {
    const std::string id = session_.running->id;
    take_verdict({id, word, {}}, line);
    return true;
  }
  const auto dots = line.text.find(".py ");
  if (dots == std::string_view::npos || session_.first_mark != '\0') return false;
  const std::string_view marks = trim(before(line.text.substr(dots + 4), "["));
  if (marks.empty() || marks.find_first_not_of(".FEsxXR") != std::string_view::npos) return false;
  const auto bad = marks.find_first_of("FE");
  if (bad != std::string_view::npos) session_.first_mark = marks[bad];
  return true;
}

void PytestReader::take_verdict(const PytestVerdict& verdict, const LogLine& line) {
  session_.has_begun = true;
  session_.parallel = session_.parallel || !verdict.worker.empty();
  const bool begins = verdict.word.empty();
  const auto named = [&] { return NamedTest{keep(line), std::string{verdict.id}, std::string{verdict.worker}}; };
  if (begins) {
    session_.running = named();
    return;
  }
  const bool was_running = session_.running && session_.running->id == verdict.id;
  if (verdict.failed() && !session_.first_failure) {
    session_.first_failure = named();
    session_.before_failure = finished_.before(verdict.worker);
    session_.failure_began = was_running ? session_.running->seen.stamp : session_.before_failure.last_stamp;
  }
  const bool ran = verdict.word != "SKIPPED";
  if (ran) finished_.add(verdict.worker, verdict.id, line.stamp, line.origin);
  if (was_running) session_.running.reset();
  ended_well_ = !verdict.failed();
}

bool PytestReader::read_crashed_worker(const LogLine& line) {
  std::string id = quoted_test(line.text);
  if (id.empty()) return false;
  const bool known = std::any_of(session_.lost.begin(), session_.lost.end(), [&](const auto& t) { return t.id == id; });
  if (!known && session_.lost.size() < most_kept_lines) {
    std::string worker{before(after(line.text, "worker '").value_or(""), "'")};
    session_.lost.push_back({keep(line), std::move(id), std::move(worker)});
  }
  return true;
}

void PytestReader::read_summary(const LogLine& line) {
  read_crashed_worker(line);
  for (const std::string_view word : {"FAILED", "ERROR", "SUBFAIL", "SUBFAILED"}) {
    if (!line.text.starts_with(std::string{word} + " ") || session_.summary.size() >= most_kept_lines) continue;
    const std::string_view rest = line.text.substr(word.size() + 1);
    const std::size_t length = node_id_length(rest);
    PytestSummaryLine summary;
    summary.seen = keep(line);
    summary.word = word;
    summary.id = length > 0 ? rest.substr(0, length) : before(rest, " - ");
    summary.message = trim(after(rest.substr(length), " - ").value_or(""));
    session_.summary.push_back(std::move(summary));
  }
}

bool PytestReader::wants(const PytestBlock& block) const {
  if (session_.blocks.size() < most_blocks) return true;
  return session_.first_failure && contains(session_.first_failure->id, before(block.title, "["));
}

void PytestReader::close_block() {
  if (!block_) return;
  PytestBlock block = block_->take();
  block_.reset();
  if (!wants(block)) return;
  if (session_.blocks.size() >= 2 * most_blocks) session_.blocks.pop_back();
  session_.blocks.push_back(std::move(block));
}

}  // namespace ndr
