#include "analyzer/evidence/formats_tt.hpp"

#include <algorithm>
#include <array>

#include "analyzer/evidence/stack.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

struct Header {
  std::size_t at = 0;
  std::string_view kind;
  SourcePlace place;
};

// The last one on the line: an outer message may be glued in front of an inner header.
std::optional<Header> find_header(std::string_view text) {
  std::optional<Header> last;
  for (const std::string_view kind : {"TT_THROW", "TT_FATAL", "TT_ASSERT"}) {
    const std::string marker = std::string{kind} + " @ ";
    const auto at = text.rfind(marker);
    if (at == std::string_view::npos || (last && last->at > at)) continue;
    if (const auto place = source_place(text.substr(at + marker.size()))) last = Header{at, kind, *place};
  }
  return last;
}

constexpr int longest_message = 32;  // lines
constexpr int watcher_window = 40;   // lines between the tripped assert and the list of running kernels

// "tests/a/kernel.cpp." -> the path; nothing where it is none.
MaybeSourced<std::string> kernel_path(std::string_view text, const Origin& origin) {
  std::string_view path = before(text, " ");
  if (path.ends_with('.')) path.remove_suffix(1);
  if (path.find('/') == std::string_view::npos) return std::nullopt;
  return sourced(std::string{path}, origin);
}

constexpr std::string_view current_kernel = "Current kernel: ";

}  // namespace

void TtThrowReader::forget() {
  state_ = State::outside;
  found_.reset();
}

bool TtThrowReader::begin(std::string_view text, const LogLine& line) {
  const auto header = find_header(text);
  if (!header) return false;
  found_ = TtThrow{};
  found_->kind = header->kind;
  found_->location = sourced(std::string{header->place.file} + ":" + std::to_string(header->place.line), line.origin);
  found_->first_line = sourced(std::string{trim_end(text.substr(header->at))}, line.origin);
  state_ = State::header;
  return true;
}

bool TtThrowReader::read_message(std::string_view text, const LogLine& line) {
  if (trim(text).empty()) return true;
  if (begin(text, line)) return true;  // the message wraps an inner text
  found_->message = sourced(std::string{trim(text)}, line.origin);
  found_->message_stamp = line.stamp;
  state_ = State::message;
  message_lines_ = 0;
  return true;
}

bool TtThrowReader::read(std::string_view text, const LogLine& line) {
  const std::string_view word = trim(text);
  if (state_ == State::outside) return contains(text, "TT_") && begin(text, line);
  if (word == "info:") {
    state_ = State::info;
    return true;
  }
  if (word == "backtrace:") {
    state_ = State::frames;
    return true;
  }
  if (state_ == State::info) return read_message(text, line);
  if (state_ == State::frames && (word.starts_with("---") || word.starts_with("0x"))) {
    auto frame = native_frame(text, line.origin);
    if (frame && found_->frames.size() < most_stack_frames) found_->frames.push_back(std::move(*frame));
    return true;
  }
  const bool continues = state_ == State::message && !word.empty() && !word.starts_with('"');
  if (continues && ++message_lines_ < longest_message) return begin(text, line) || true;
  state_ = State::outside;
  return contains(text, "TT_") && begin(text, line);
}

Sourced<std::string> error_line_of(const TtThrow& thrown) {
  return thrown.kind == "TT_THROW" && thrown.message ? *thrown.message : thrown.first_line;
}

FailureType type_of(const TtThrow& thrown) {
  if (thrown.message) {
    if (const auto type = type_by_message(thrown.message->value)) return *type;
  }
  if (const auto type = type_by_message(thrown.first_line.value)) return *type;
  return thrown.kind == "TT_THROW" ? FailureType::exception : FailureType::assertion;
}

bool WatcherReader::read(const LogLine& line) {
  constexpr std::string_view marker = " tripped an assert on line ";
  const auto at = line.text.find(marker);
  if (at != std::string_view::npos && !found_) {
    const std::string_view start = line.text.substr(0, at);
    Assert report;
    report.seen = keep(line);
    report.processor = start.substr(start.find_last_of(" :") + 1);
    report.line = leading_number(line.text.substr(at + marker.size())).value_or(0);
    const std::string_view message = bare_message(line.text);
    const auto end = message.find('.', std::min(message.find(marker) + marker.size(), message.size()));
    report.message =
        sourced(std::string{message.substr(0, end == std::string_view::npos ? end : end + 1)}, line.origin);
    if (const auto kernel = after(line.text, current_kernel)) report.kernel = kernel_path(*kernel, line.origin);
    lines_left_ = report.kernel ? 0 : watcher_window;
    found_ = std::move(report);
    return true;
  }
  if (lines_left_ == 0 || !found_) return false;
  --lines_left_;
  const std::string_view message = trim(bare_message(line.text));
  const std::string label = found_->processor + ": ";
  if (found_->kernel) return false;
  if (message.starts_with(label)) found_->kernel = kernel_path(message.substr(label.size()), line.origin);
  if (message.starts_with(current_kernel))
    found_->kernel = kernel_path(message.substr(current_kernel.size()), line.origin);
  if (!found_->kernel) return false;
  lines_left_ = 0;
  return true;
}

}  // namespace ndr
