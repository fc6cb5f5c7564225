#include "analyzer/evidence/formats_gtest.hpp"

#include <algorithm>
#include <array>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_processes = 64;
constexpr std::size_t most_failure_lines = 64;

// "Suite.Test (12 ms)" or "Suite.Test, where GetParam() = 3 (12 ms)" -> "Suite.Test"
std::string_view test_name(std::string_view rest) {
  rest = trim(rest);
  const std::string_view name = rest.substr(0, rest.find_first_of(", ("));
  return name.find('.') == std::string_view::npos || name.ends_with('.') ? std::string_view{} : name;
}

// "[1,0]<stderr>:" and "[1,0]<stdout>:" are one process.
std::string_view without_channel(std::string_view process) {
  return process.starts_with('[') ? process.substr(0, process.find(']')) : process;
}

// "12: text", as ctest -V shows the output of its test 12.
std::string_view without_ctest_mark(std::string_view text) {
  const std::string_view rest = text.substr(std::min(text.find_first_not_of(' '), text.size()));
  const auto end = std::min(rest.find_first_not_of("0123456789"), rest.size());
  return end > 0 && end < 6 && rest.substr(end).starts_with(": ") ? rest.substr(end + 2) : text;
}

// Numbers in braces, differences beyond a tolerance, or words of data: EXPECT_EQ over data, not over a state.
bool compares_data(const std::vector<KeptLine>& text) {
  return std::any_of(text.begin(), text.end(), [](const KeptLine& line) {
    const std::string_view which = trim(after(line.text, "Which is: ").value_or(""));
    const bool list = which.starts_with("{ ") && which.size() > 2 && (is_digit(which[2]) || which[2] == '-');
    return list || speaks_of_comparison(line.text) || contains(line.text, "The difference between");
  });
}

// "Expected equality of these values: src dst", the check as the program wrote it.
std::string checked_expression(const std::vector<KeptLine>& text) {
  std::string expression;
  for (const KeptLine& line : text) {
    const bool detail = contains(line.text, "Which is:") || line.text.starts_with("  Actual:");
    if (detail) continue;
    const bool part = expression.empty() || line.text.starts_with("  ");
    if (!part) break;
    expression += (expression.empty() ? "" : " ") + std::string{trim(line.text)};
  }
  return expression;
}

}  // namespace

bool GtestReader::read(const LogLine& printed) {
  ended_well_ = false;
  LogLine line = printed;
  line.text = without_ctest_mark(line.text);
  line.process = without_channel(line.process);
  if (read_mark(line)) return true;
  if (begin_failure(line)) return true;
  return failure_open_ && continue_failure(line);
}

bool GtestReader::read_mark(const LogLine& line) {
  const auto open = line.text.find('[');
  const std::string_view text = open == std::string_view::npos ? std::string_view{} : line.text.substr(open);
  if (text.starts_with("[==========] Running ")) {
    if (!interleaved_ && line.process.empty()) finished_.forget();  // another process
    return ++programs_, true;
  }
  const auto rest = [&](std::string_view mark) {
    return text.starts_with(mark) ? test_name(text.substr(mark.size())) : std::string_view{};
  };
  if (const auto name = rest("[ RUN      ]"); !name.empty()) {
    // A test that begins before the last one has ended: copies of the program write into one log.
    interleaved_ = interleaved_ || running_.count(std::string{line.process}) > 0;
    if (running_.size() < most_processes)
      running_[std::string{line.process}] = {sourced(std::string{name}, line.origin), std::string{line.stamp}};
    last_seen_ = sourced(std::string{name}, line.origin);
    if (!interleaved_) pending_.erase(std::string{line.process});
    failure_open_ = false;
    return true;
  }
  if (const auto name = rest("[       OK ]"); !name.empty()) return end_test(name, line, false), true;
  if (const auto name = rest("[  SKIPPED ]"); !name.empty()) return end_test(name, line, false), true;
  if (const auto name = rest("[  FAILED  ]"); !name.empty()) return end_test(name, line, true), true;
  return text.starts_with("[----------]") || text.starts_with("[==========]") || text.starts_with("[  PASSED  ]");
}

void GtestReader::end_test(std::string_view name, const LogLine& line, bool failed) {
  const std::string start = began(line.process);
  running_.erase(std::string{line.process});
  failure_open_ = false;
  // What failed in another copy is still to be named by its own verdict.
  auto failure =
      failed || !interleaved_ ? pending_.extract(std::string{line.process}) : decltype(pending_)::node_type{};
  ended_well_ = !failed;
  // The list at the program's end names the failed tests again, without their times.
  const bool verdict = contains(line.text, " ms)");
  const bool first = failed && !failed_;
  TestsBefore before = first ? finished_.before(line.process) : TestsBefore{};
  if (verdict) finished_.add(line.process, name, line.stamp, line.origin);
  if (failed && verdict && !first && failed_later_.size() < most_kept_lines)
    failed_later_.push_back(sourced(std::string{name}, line.origin));
  if (!first) return;
  failed_program_ = programs_;
  failed_ = Failed{keep(line), sourced(std::string{name}, line.origin), std::nullopt, start, std::move(before)};
  if (!failure.empty()) failed_->failure = std::move(failure.mapped());
}

bool GtestReader::begin_failure(const LogLine& line) {
  const std::string_view text = trim_end(line.text);
  if (!text.ends_with(": Failure")) return false;
  const std::string_view where = text.substr(0, text.size() - 9);
  const auto place = source_place(where);
  if (!place && where != "unknown file") return false;
  const bool inside = interleaved_ || running_.count(std::string{line.process}) > 0;
  const bool first = inside && pending_.count(std::string{line.process}) == 0;
  failure_open_ = first;
  if (!first || pending_.size() >= most_processes) return true;
  Failure failure;
  failure.seen = keep(line);
  if (place) failure.place = sourced(std::string{place->file} + ":" + std::to_string(place->line), line.origin);
  pending_.emplace(line.process, std::move(failure));
  thrown_.forget();
  return true;
}

bool GtestReader::continue_failure(const LogLine& line) {
  const auto pending = pending_.find(line.process);
  if (pending == pending_.end()) return false;
  Failure& failure = pending->second;
  constexpr std::string_view description = "C++ exception with description \"";
  std::string_view text = line.text;
  if (const auto start = after(text, description)) {
    failure.exception = true;
    text = *start;
  }
  thrown_.read(text, line);
  failure.thrown = thrown_.found();
  failure.text.push_back(keep(line));
  failure.text.back().text = text;
  const bool closed = failure.exception && contains(text, "\" thrown in ");
  const bool blank = trim(text).empty() && !failure.exception;
  if (closed || blank || failure.text.size() >= most_failure_lines) failure_open_ = false;
  return true;
}

const GtestReader::Running* GtestReader::running_in(std::string_view process) const {
  const auto found = process.empty() ? running_.begin() : running_.find(without_channel(process));
  return found == running_.end() ? nullptr : &found->second;
}

MaybeSourced<std::string> GtestReader::running(std::string_view process) const {
  const Running* found = running_in(process);
  if (found == nullptr) return std::nullopt;
  return found->test;
}

TestsBefore GtestReader::tests_before(std::string_view process) const {
  return finished_.before(without_channel(process));
}

std::string GtestReader::began(std::string_view process) const {
  const Running* found = running_in(process);
  return found == nullptr ? std::string{} : found->stamp;
}

std::optional<Fault> GtestReader::fault() const {
  if (!failed_) return std::nullopt;
  Fault fault;
  fault.seen = failed_->seen;
  fault.test_id = failed_->test;
  fault.type = FailureType::assertion;
  fault.test_began = failed_->began;
  fault.before = failed_->before;
  if (!failed_->failure) return fault;
  const Failure& failure = *failed_->failure;
  fault.seen = failure.seen;
  fault.error_line = sourced(std::string{trim(failure.seen.text)}, failure.seen.origin);
  fault.error_stamp = failure.seen.stamp;
  if (!failure.place.value.empty()) {
    const auto place = source_place(failure.place.value);
    fault.throw_location = sourced(source_path(failure.place.value), failure.place.origin);
    fault.test_file = sourced(source_path(place->file), failure.place.origin);
    fault.test_line = sourced(place->line, failure.place.origin);
    const std::string expression = checked_expression(failure.text);
    if (!expression.empty()) fault.statement = sourced(expression, failure.text.front().origin);
  }
  if (compares_data(failure.text)) fault.type = FailureType::comparison;
  if (!failure.exception) return fault;
  fault.type = FailureType::exception;
  if (!failure.text.empty()) {
    const KeptLine& said = failure.text.front();
    fault.error_line = sourced(std::string{before(said.text, "\" thrown in ")}, said.origin);
    fault.error_stamp = said.stamp;
    fault.type = type_by_message(said.text).value_or(FailureType::exception);
  }
  if (failure.thrown) {
    fault.type = type_of(*failure.thrown);
    fault.error_line = error_line_of(*failure.thrown);
    fault.error_stamp = failure.thrown->message_stamp;
    fault.throw_location = sourced(source_path(failure.thrown->location.value), failure.thrown->location.origin);
    fault.native_stack = failure.thrown->frames;
  }
  return fault;
}

}  // namespace ndr
