#include "analyzer/evidence/formats_python.hpp"

#include <algorithm>
#include <utility>

#include "analyzer/evidence/stack.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr int longest_traceback = 400;  // lines

// "RuntimeError: what", "pkg.mod.Error", "KeyboardInterrupt": how Python prints an exception's last line.
std::string exception_name(std::string_view text) {
  const std::string_view name = before(text, ":");
  const bool dotted = !name.empty() && !is_digit(name.front()) &&
                      std::all_of(name.begin(), name.end(), [](char c) { return is_word(c) || c == '.'; });
  return dotted ? std::string{name} : std::string{};
}

FailureType type_of_exception(std::string_view name, std::string_view message) {
  if (const auto type = type_by_message(message)) return *type;
  if (name.ends_with("MemoryError")) return FailureType::out_of_memory;
  if (!name.ends_with("AssertionError")) return FailureType::exception;
  return speaks_of_comparison(message) ? FailureType::comparison : FailureType::assertion;
}

}  // namespace

void TracebackReader::forget() { *this = TracebackReader{}; }

bool TracebackReader::read(const LogLine& line) {
  std::string_view text = line.text;
  if (text.starts_with("INTERNALERROR> ")) text.remove_prefix(15);
  // Python prints what __del__ and the like raise, and goes on.
  if (text.starts_with("Exception ignored in")) {
    ignores_next_ = true;
    return true;
  }
  if (trim(text) == "Traceback (most recent call last):") {
    ignored_ = std::exchange(ignores_next_, false);
    if (fault_) return true;
    open_ = true;
    process_ = line.process;
    lines_left_ = longest_traceback;
    seen_ = keep(line);
    stack_.clear();
    return true;
  }
  if (line.process != process_) return false;
  if (thrown_.open() && thrown_.read(text, line)) {
    take_thrown();
    return true;
  }
  if (!open_) return false;
  if (--lines_left_ <= 0) return open_ = false;
  if (auto frame = python_frame(text, line.origin)) {
    if (stack_.size() < most_stack_frames) stack_.push_back(std::move(*frame));
    wants_statement_ = true;
    return true;
  }
  if (std::exchange(wants_statement_, false) && text.starts_with("    ")) {
    stack_.back().text = trim(text);
    return true;
  }
  if (text.starts_with(' ') || trim(text).empty()) return true;
  LogLine last = line;
  last.text = trim_end(text);
  close(last);
  return true;
}

void TracebackReader::close(const LogLine& line) {
  open_ = false;
  const std::string name = exception_name(line.text);
  if (name.empty() || ignored_) return;
  Fault fault;
  fault.seen = seen_;
  fault.exception = sourced(name, line.origin);
  fault.error_line = sourced(std::string{line.text}, line.origin);
  fault.error_stamp = line.stamp;
  fault.type = type_of_exception(name, line.text);
  if (const StackFrame* own = innermost_own_frame(stack_, true); own != nullptr) {
    fault.throw_location = sourced(source_path(own->file) + ":" + std::to_string(own->line), own->origin);
    if (!own->text.starts_with("File ")) fault.statement = sourced(own->text, own->origin);
  }
  fault.python_stack = std::move(stack_);
  fault_ = std::move(fault);
  if (thrown_.read(line.text, line)) take_thrown();
}

void TracebackReader::take_thrown() {
  const TtThrow& thrown = *thrown_.found();
  fault_->type = type_of(thrown);
  fault_->error_line = error_line_of(thrown);
  if (!thrown.message_stamp.empty()) fault_->error_stamp = thrown.message_stamp;
  fault_->throw_location = sourced(source_path(thrown.location.value), thrown.location.origin);
  fault_->native_stack = thrown.frames;
}

bool TimeoutDumpReader::read(const LogLine& line) {
  const std::string_view text = trim_end(line.text);
  const bool rule = text.starts_with("+++") && text.ends_with("+++") && contains(text, "+ Timeout");
  if (rule) {
    open_ = !fault_;
    if (fault_) return true;
    fault_.emplace();
    fault_->seen = keep(line);
    fault_->type = FailureType::test_timeout;
    fault_->exception = sourced(std::string{"Timeout"}, line.origin);
    fault_->error_line = sourced(std::string{text}, line.origin);
    fault_->error_stamp = line.stamp;
    return true;
  }
  if (!open_) return false;
  if (const auto thread = after(text, "~ Stack of ")) {
    main_thread_ = thread->starts_with("MainThread");
    return true;
  }
  auto frame = python_frame(text, line.origin);
  if (frame && main_thread_ && fault_->python_stack.size() < most_stack_frames) {
    fault_->python_stack.push_back(std::move(*frame));
  }
  return frame.has_value();
}

}  // namespace ndr
