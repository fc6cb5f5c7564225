// From what a pytest session printed to the one fault that it shows.
#include <algorithm>
#include <cctype>

#include "analyzer/evidence/formats_pytest.hpp"
#include "analyzer/evidence/formats_tt.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

// "path::Class::test[p]" -> "Class.test[p]", as block titles have it.
std::string title_of(std::string_view id) {
  std::string title;
  const auto parameters = std::min(id.find('['), id.size());
  std::string_view names = after(id.substr(0, parameters), "::").value_or("");
  for (auto colons = names.find("::"); colons != std::string_view::npos; colons = names.find("::")) {
    title += std::string{names.substr(0, colons)} + ".";
    names.remove_prefix(colons + 2);
  }
  return title + std::string{names} + std::string{id.substr(parameters)};
}

bool is_title_of(std::string_view title, std::string_view id) {
  const std::string name = title_of(id);
  if (title == name) return true;
  // Of pytest-subtests: "test_a [message] (x=1)"
  const std::string_view rest = title.starts_with(name) ? title.substr(name.size()) : std::string_view{};
  if (rest.starts_with(" [") || rest.starts_with(" (")) return true;
  for (const std::string_view phase : {"ERROR at setup of ", "ERROR at teardown of "}) {
    if (title.starts_with(phase) && title.substr(phase.size()) == name) return true;
  }
  return false;
}

const PytestBlock* block_of(const PytestSession& session, std::string_view id) {
  const auto& blocks = session.blocks;
  const auto named =
      std::find_if(blocks.begin(), blocks.end(), [&](const auto& b) { return is_title_of(b.title, id); });
  return named == blocks.end() ? nullptr : &*named;
}

const PytestBlock* first_block(const PytestSession& session) {
  const bool errors_first = session.first_mark == 'E';
  const auto& blocks = session.blocks;
  const auto wanted =
      std::find_if(blocks.begin(), blocks.end(), [&](const auto& b) { return b.error == errors_first; });
  if (wanted != blocks.end()) return &*wanted;
  return blocks.empty() ? nullptr : &blocks.front();
}

// --tb=line: a block without a title, whose message the summary repeats, as far as a line is long.
bool is_message_of(const PytestBlock& block, std::string_view message) {
  if (!block.title.empty() || block.parts.front().errors.empty()) return false;
  const std::string_view said = trim(block.parts.front().errors.front().text);
  while (message.ends_with('.'))
    message.remove_suffix(1);
  return !message.empty() && (said.starts_with(message) || message.starts_with(said));
}

const PytestSummaryLine* summary_of(const PytestSession& session, const PytestBlock* block, std::string_view id) {
  for (const PytestSummaryLine& line : session.summary) {
    const bool same = block == nullptr || is_title_of(block->title, line.id) || is_message_of(*block, line.message);
    if (id.empty() ? same : line.id == id) return &line;
  }
  return nullptr;
}

bool is_exception_name(std::string_view name) {
  if (name.empty() || is_digit(name.front())) return false;
  if (!std::all_of(name.begin(), name.end(), [](char c) { return is_word(c) || c == '.'; })) return false;
  const auto dot = name.rfind('.');
  const char first = dot == std::string_view::npos ? name.front() : name[std::min(dot + 1, name.size() - 1)];
  return first >= 'A' && first <= 'Z';
}

// "RuntimeError: what" -> "RuntimeError"
std::string exception_of(std::string_view text) {
  const std::string_view name = before(trim(text), ":");
  return is_exception_name(name) ? std::string{name} : std::string{};
}

// "AssertionError:" with nothing behind it: the next line says what is wrong.
bool is_bare_class(std::string_view text) {
  text = trim(text);
  return text.ends_with(':') && is_exception_name(text.substr(0, text.size() - 1));
}

// "AssertionError: 0.97": nothing but a number is what a comparison helper puts into its message.
bool is_bare_number(std::string_view text) {
  const auto message = after(text, ": ");
  return message && to_decimal(trim(*message)).has_value();
}

bool compares_fractions(std::string_view text) {
  text = trim(text);
  if (!text.starts_with("assert ")) return false;
  const std::string folded = fold_spaces(text.substr(7));
  const auto words = split(folded, ' ');
  return words.size() >= 3 && contains(words[0], ".") && to_decimal(words[0]) && to_decimal(words[2]);
}

// An AssertionError is a comparison where its words, its statements or its tensors say so.
bool is_comparison(const PytestPart& part) {
  for (const KeptLine& error : part.errors) {
    if (speaks_of_comparison(error.text) || contains(error.text, "tensor(")) return true;
    if (contains(error.text, "method equal of") || compares_fractions(error.text)) return true;
  }
  for (const PytestFrame& frame : part.frames) {
    if (speaks_of_comparison(frame.statement) || speaks_of_comparison(frame.function)) return true;
  }
  return !part.errors.empty() && is_bare_number(part.errors.front().text);
}

FailureType type_of_part(const PytestPart& part, std::string_view exception) {
  const std::string first = part.errors.empty() ? std::string{} : part.errors.front().text;
  if (contains(first, "Timeout >") || contains(first, "Timeout (>")) return FailureType::test_timeout;
  const bool asserts = exception.ends_with("AssertionError") || trim(first).starts_with("assert");
  if (asserts) return is_comparison(part) ? FailureType::comparison : FailureType::assertion;
  for (const KeptLine& error : part.errors) {
    if (const auto type = type_by_message(error.text)) return *type;
  }
  if (exception != "Failed") return FailureType::exception;
  return is_comparison(part) ? FailureType::comparison : FailureType::assertion;  // pytest.fail()
}

void take_throw(const TtThrow& thrown, std::string_view root, Fault& fault) {
  fault.type = type_of(thrown);
  fault.error_line = error_line_of(thrown);
  fault.error_stamp = thrown.message_stamp;
  fault.throw_location = sourced(source_path(thrown.location.value, root), thrown.location.origin);
  fault.native_stack = thrown.frames;
}

std::optional<TtThrow> throw_in(const PytestPart& part) {
  TtThrowReader reader;
  for (const KeptLine& error : part.errors) {
    reader.read(error.text, LogLine{error.text, error.stamp, error.process, error.origin});
  }
  return reader.found();
}

StackFrame stack_frame(const PytestFrame& frame) {
  return {frame.file, frame.line, frame.function, frame.statement, frame.origin};
}

// Where it was raised; own code where the last frame is a library's.
const PytestFrame* raising_frame(const PytestPart& part) {
  const auto own = [](const PytestFrame& frame) { return !is_foreign_path(frame.file); };
  const auto found = std::find_if(part.frames.rbegin(), part.frames.rend(), own);
  return found == part.frames.rend() ? nullptr : &*found;
}

void take_exception(const PytestPart& part, std::string_view root, Fault& fault) {
  std::string raised = part.frames.empty() ? std::string{} : part.frames.back().raised;
  Origin origin = part.frames.empty() ? Origin{} : part.frames.back().origin;
  if (!is_exception_name(raised) && !part.errors.empty()) {
    raised = exception_of(part.errors.front().text);
    origin = part.errors.front().origin;
  }
  if (is_exception_name(raised)) fault.exception = sourced(raised, origin);
  fault.type = type_of_part(part, raised);
  const auto says = [](const KeptLine& e) { return !trim(e.text).empty(); };
  auto said = std::find_if(part.errors.begin(), part.errors.end(), says);
  if (said != part.errors.end() && is_bare_class(said->text)) {
    const auto next = std::find_if(said + 1, part.errors.end(), says);
    if (next != part.errors.end()) said = next;
  }
  if (said != part.errors.end()) {
    fault.error_line = sourced(std::string{trim(said->text)}, said->origin);
    fault.error_stamp = said->stamp;
  }
  if (const PytestFrame* frame = raising_frame(part)) {
    fault.throw_location = sourced(source_path(frame->file, root) + ":" + std::to_string(frame->line), frame->origin);
  }
}

void take_test_frame(const PytestBlock& block, std::string_view root, Fault& fault) {
  for (const PytestPart& part : block.parts) {
    for (auto frame = part.frames.rbegin(); frame != part.frames.rend(); ++frame) {
      if (!fault.test_file || !same_source_file(source_path(frame->file, root), fault.test_file->value)) continue;
      fault.test_line = sourced(frame->line, frame->origin);
      if (!frame->statement.empty()) fault.statement = sourced(frame->statement, frame->statement_origin);
      return;
    }
  }
}

void take_block(const PytestBlock& block, std::string_view root, Fault& fault) {
  const auto filled =
      std::find_if(block.parts.begin(), block.parts.end(), [](const PytestPart& part) { return !part.errors.empty(); });
  const PytestPart& part = filled == block.parts.end() ? block.parts.front() : *filled;
  take_exception(part, root, fault);
  if (const auto thrown = throw_in(part)) take_throw(*thrown, root, fault);
  for (const PytestFrame& frame : part.frames)
    fault.python_stack.push_back(stack_frame(frame));
  take_test_frame(block, root, fault);
  if (!fault.statement) {
    for (auto frame = part.frames.rbegin(); frame != part.frames.rend() && !fault.statement; ++frame) {
      if (!frame->statement.empty()) fault.statement = sourced(frame->statement, frame->statement_origin);
    }
  }
  if (!block.worker.empty()) fault.worker = sourced(block.worker, block.origin);
  if (!fault.error_line && !block.notes.empty()) {
    const KeptLine& note = block.notes.front();
    fault.error_line = sourced(std::string{trim(note.text)}, note.origin);
    fault.error_stamp = note.stamp;
    if (note.text.starts_with("[XPASS(strict)]")) fault.type = FailureType::assertion;
  }
}

// "RuntimeError: TT_THROW @ a.cpp:12: tt::exception", where the block is missing.
void take_summary(const PytestSummaryLine& line, std::string_view root, Fault& fault) {
  if (line.message.empty()) return;
  PytestPart part;
  part.errors.push_back(line.seen);
  part.errors.back().text = line.message;
  take_exception(part, root, fault);
  if (const auto thrown = throw_in(part)) take_throw(*thrown, root, fault);
}

void take_test(std::string_view id, const KeptLine& seen, Fault& fault) {
  if (id.empty()) return;
  if (id.find("::") != std::string_view::npos) fault.test_id = sourced(std::string{id}, seen.origin);
  fault.test_file = sourced(std::string{before(id, "::")}, seen.origin);
}

}  // namespace

std::optional<TtThrow> throw_saying(const PytestSession& session, std::string_view message) {
  for (const PytestBlock& block : session.blocks) {
    for (const PytestPart& part : block.parts) {
      auto thrown = throw_in(part);
      if (thrown && thrown->message && trim(thrown->message->value) == message) return thrown;
    }
  }
  return std::nullopt;
}

std::optional<Fault> pytest_fault(const PytestSession& session) {
  if (!session.failed()) return std::nullopt;
  Fault fault;
  std::string id = session.first_failure ? session.first_failure->id : std::string{};
  const PytestBlock* block = id.empty() ? first_block(session) : block_of(session, id);
  if (block == nullptr && session.blocks.size() == 1 && session.blocks.front().title.empty())
    block = &session.blocks.front();
  const PytestSummaryLine* summary = summary_of(session, block, id);
  if (summary == nullptr && id.empty() && !session.summary.empty() && block == nullptr)
    summary = &session.summary.front();
  if (id.empty() && summary != nullptr) id = summary->id;
  constexpr std::string_view collecting = "ERROR collecting ";
  if (id.empty() && block != nullptr && block->title.starts_with(collecting))
    id = block->title.substr(collecting.size());

  if (session.first_failure)
    fault.seen = session.first_failure->seen;
  else if (block != nullptr)
    fault.seen.origin = block->origin;
  else if (summary != nullptr)
    fault.seen = summary->seen;
  take_test(id, fault.seen, fault);
  if (block != nullptr)
    take_block(*block, session.root, fault);
  else if (summary != nullptr)
    take_summary(*summary, session.root, fault);
  if (session.first_failure) {
    fault.test_began = session.failure_began;
    fault.before = session.before_failure;
  }
  if (session.first_failure && !session.first_failure->worker.empty()) {
    fault.worker = sourced(session.first_failure->worker, session.first_failure->seen.origin);
  }
  return fault;
}

}  // namespace ndr
