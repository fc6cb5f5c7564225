#include "analyzer/evidence/signature.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "analyzer/evidence/mask.hpp"
#include "analyzer/evidence/stack.hpp"
#include "analyzer/evidence/text.hpp"
#include "analyzer/utf8.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_frames = 5;
constexpr std::size_t most_literals = 4;
constexpr std::size_t shortest_literal = 8;

template <class T>
T value_or_empty(const MaybeSourced<T>& sourced) {
  return sourced ? sourced->value : T{};
}

std::string_view last_component(std::string_view qualified) {
  const auto at = qualified.find_last_of(".:");
  return at == std::string_view::npos ? qualified : qualified.substr(at + 1);
}

std::string test_name_of(std::string_view test_id) {
  const auto file_end = test_id.find("::");
  if (file_end == std::string_view::npos) return std::string{test_id};  // gtest: Suite.Test
  const std::string_view name = test_id.substr(file_end + 2);
  return std::string{last_component(before(name, "["))};
}

bool is_test_frame(const StackFrame& frame, std::string_view test_file) {
  return !test_file.empty() && same_source_file(source_path(frame.file), test_file);
}

std::string frame_name(const StackFrame& frame) {
  return source_path(frame.file) + ":" + bare_function(frame.function);
}

std::vector<std::string> own_frames(const Evidence& evidence) {
  const std::string test_file = value_or_empty(evidence.test_file);
  std::vector<StackFrame> innermost_first{evidence.python_stack.rbegin(), evidence.python_stack.rend()};
  if (innermost_first.empty()) innermost_first = evidence.native_stack;
  std::vector<std::string> names;
  for (const StackFrame& frame : innermost_first) {
    const bool known = !frame.function.empty() && !is_foreign_frame(frame);
    if (known && !is_test_frame(frame, test_file) && names.size() < most_frames) names.push_back(frame_name(frame));
  }
  return names;
}

std::string site_function_of(const Evidence& evidence, const SourcePlace& site) {
  for (const auto* stack : {&evidence.native_stack, &evidence.python_stack}) {
    for (auto frame = stack->rbegin(); frame != stack->rend(); ++frame) {
      const bool at_site = frame->line == site.line && same_source_file(source_path(frame->file), site.file);
      if (at_site && !frame->function.empty()) return bare_function(frame->function);
    }
  }
  return {};
}

void add_literal(std::vector<std::string>& literals, std::string_view text) {
  text = trim(text);
  const bool fits = text.size() >= shortest_literal && literals.size() < most_literals;
  if (fits && std::find(literals.begin(), literals.end(), text) == literals.end()) literals.emplace_back(text);
}

// Plain words of a line, longest first; what follows a masked folder is a file's name, which may stand alone elsewhere.
std::vector<std::string_view> plain_parts(std::string_view line) {
  std::vector<std::string_view> parts;
  for (const MessagePart& part : message_parts(line)) {
    if (!part.masked) parts.push_back(part.text.substr(part.text.starts_with('/') ? 1 : 0));
  }
  std::stable_sort(parts.begin(), parts.end(), [](auto a, auto b) { return a.size() > b.size(); });
  return parts;
}

std::string_view signal_words(std::string_view exception) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> words{{{"SIGSEGV", "Segmentation fault"},
                                                                                {"SIGABRT", "Aborted"},
                                                                                {"SIGBUS", "Bus error"},
                                                                                {"SIGFPE", "Floating point exception"},
                                                                                {"SIGILL", "Illegal instruction"},
                                                                                {"SIGTERM", "Terminated"}}};
  const auto found = std::find_if(words.begin(), words.end(), [&](const auto& w) { return w.first == exception; });
  return found == words.end() ? std::string_view{} : found->second;
}

// The error line; of a death that only the shell reported, the words without its script, line and process.
std::string message_of(const Evidence& evidence) {
  const std::string line = value_or_empty(evidence.error_line);
  const std::string_view words = signal_words(value_or_empty(evidence.exception));
  const auto at = words.empty() || evidence.native_stack.size() + evidence.python_stack.size() > 0 ? std::string::npos
                                                                                                   : line.find(words);
  return at == std::string::npos || !contains(line, ": line ") ? line : std::string{words};
}

std::vector<std::string> literals_of(const Evidence& evidence) {
  std::vector<std::string> literals;
  const std::string line = value_or_empty(evidence.error_line);
  const std::string statement = value_or_empty(evidence.failing_statement);
  const std::string exception = value_or_empty(evidence.exception);
  const auto parts = plain_parts(line);
  for (std::size_t i = 0; i < parts.size() && i < 2; ++i)
    add_literal(literals, parts[i]);
  // pytest prints a bare assert's class without a colon; a short name needs one to be no common word.
  const std::string name{last_component(exception)};
  add_literal(literals, name.size() >= shortest_literal ? name : name + ":");
  add_literal(literals, exception == "SIGABRT" ? "core dumped" : signal_words(exception));
  for (const std::string_view part : plain_parts(statement))
    add_literal(literals, part);
  return literals;
}

// What comparing libraries say of any two arrays, and pytest of any test that raises nothing.
bool is_stock_message(std::string_view message_template) {
  constexpr std::array phrases{
      "Not equal to tolerance",         "Arrays are not equal",   "Arrays are not almost equal",
      "Tensor-likes are not",           "Tensor-likes are close", "Scalars are not",
      "The values for attribute",       "DID NOT RAISE",          "DID NOT WARN",
      "Items in the first set but not", "Lists differ:",          "Dicts differ:"};
  return std::any_of(phrases.begin(), phrases.end(), [&](auto phrase) { return contains(message_template, phrase); });
}

// Enough own words that two different failures would hardly share them ("assert <n> == <n>" has none).
bool is_specific(std::string_view message_template) {
  constexpr std::size_t enough_letters = 16;
  if (is_stock_message(message_template)) return false;
  std::size_t letters = 0;
  std::string_view rest = message_template;
  for (const std::string_view common : {"AssertionError", "RuntimeError", "assert"}) {
    if (rest.starts_with(common)) rest.remove_prefix(common.size());
  }
  for (const MessagePart& part : message_parts(rest)) {
    letters += static_cast<std::size_t>(std::count_if(part.text.begin(), part.text.end(),
                                                      [](char c) { return is_word(c) && !is_digit(c) && c != '_'; }));
  }
  return letters >= enough_letters;
}

enum class Agreement { unknown, yes, no };

Agreement compare(std::string_view wanted, std::string_view seen) {
  if (wanted.empty() || seen.empty()) return Agreement::unknown;
  return wanted == seen ? Agreement::yes : Agreement::no;
}

Agreement compare_messages(std::string_view wanted, std::string_view seen) {
  if (wanted.empty() || seen.empty()) return Agreement::unknown;
  return fits_template(wanted, seen) ? Agreement::yes : Agreement::no;
}

// What was compared, and the sentence about it, in the order of the fields.
class Comparison {
public:
  Agreement note(std::string_view field, std::string_view wanted, std::string_view seen, Agreement agreement) {
    if (wanted.empty() && seen.empty()) return agreement;
    constexpr std::size_t longest_shown = 120;
    const auto shown = [](std::string_view text) {
      return text.empty() ? std::string{"unknown"} : to_utf8(text.substr(0, longest_shown));
    };
    const std::string sign = agreement == Agreement::yes ? " = " : agreement == Agreement::no ? " ≠ " : " ? ";
    reasons_.push_back(std::string{field} + ": " + shown(wanted) + sign + shown(seen));
    return agreement;
  }
  Agreement note(std::string_view field, std::string_view wanted, std::string_view seen) {
    return note(field, wanted, seen, compare(wanted, seen));
  }
  std::vector<std::string> reasons() && { return std::move(reasons_); }

private:
  std::vector<std::string> reasons_;
};

std::string site_of(const Signature& signature) {
  if (signature.raised_in_test) return "the test's own body";
  const std::string function = signature.site_function.empty() ? "" : " in " + signature.site_function;
  return signature.site_file.empty() ? "" : signature.site_file + function;
}

Agreement compare_sites(const Signature& wanted, const Signature& seen, Agreement statement, Agreement message) {
  if (wanted.raised_in_test && seen.raised_in_test) {
    if (statement == Agreement::yes) return Agreement::yes;
    const bool decides = statement == Agreement::unknown || is_specific(wanted.message_template);
    return decides ? message : Agreement::no;
  }
  if (wanted.site_file.empty() || seen.site_file.empty()) return Agreement::unknown;
  if (wanted.raised_in_test != seen.raised_in_test || !same_source_file(wanted.site_file, seen.site_file)) {
    return Agreement::no;
  }
  const auto function = compare(wanted.site_function, seen.site_function);
  // A file alone holds many throws: with another message it takes more to say that it is the same one.
  const bool may_be_another = function == Agreement::unknown && message == Agreement::no &&
                              is_specific(wanted.message_template) && is_specific(seen.message_template);
  return may_be_another ? Agreement::unknown : function == Agreement::no ? Agreement::no : Agreement::yes;
}

bool same_frame(const std::string& a, const std::string& b) {
  const auto cut_a = a.rfind(':');
  const auto cut_b = b.rfind(':');
  return a.substr(cut_a + 1) == b.substr(cut_b + 1) && same_source_file(a.substr(0, cut_a), b.substr(0, cut_b));
}

Agreement compare_frames(const Signature& wanted, const Signature& seen) {
  if (wanted.frames.empty() || seen.frames.empty()) return Agreement::unknown;
  return same_frame(wanted.frames.front(), seen.frames.front()) ? Agreement::yes : Agreement::no;
}

std::string first_of(const std::vector<std::string>& list) { return list.empty() ? std::string{} : list.front(); }

}  // namespace

std::string_view to_text(MatchGrade grade) {
  switch (grade) {
    case MatchGrade::exact:
      return "exact";
    case MatchGrade::same_site:
      return "same_site";
    case MatchGrade::same_class:
      return "same_class";
    case MatchGrade::other:
      return "other";
  }
  return "other";
}

std::optional<MatchGrade> match_grade_from(std::string_view text) {
  for (const auto grade : {MatchGrade::exact, MatchGrade::same_site, MatchGrade::same_class, MatchGrade::other}) {
    if (to_text(grade) == text) return grade;
  }
  return std::nullopt;
}

Signature signature_of(const Evidence& evidence) {
  Signature signature;
  if (!evidence.is_failure) return signature;
  signature.failure_type = evidence.failure_type;
  signature.exception = last_component(value_or_empty(evidence.exception));
  signature.message_template = mask_values(message_of(evidence));
  signature.statement = fold_spaces(value_or_empty(evidence.failing_statement));
  signature.test_name = test_name_of(value_or_empty(evidence.test_id));
  signature.frames = own_frames(evidence);
  signature.literals = literals_of(evidence);
  const std::string location = value_or_empty(evidence.throw_location);  // `site` points into it
  if (const auto site = source_place(location)) {
    signature.site_file = source_path(site->file);
    signature.site_function = site_function_of(evidence, *site);
    const std::string test_file = value_or_empty(evidence.test_file);
    signature.raised_in_test = !test_file.empty() && same_source_file(signature.site_file, test_file);
  }
  return signature;
}

Match match(const Signature& wanted, const Signature& seen) {
  Comparison compared;
  const bool same_type = wanted.failure_type == seen.failure_type && wanted.failure_type != FailureType::none;
  compared.note("failure type", to_text(wanted.failure_type), to_text(seen.failure_type),
                same_type ? Agreement::yes : Agreement::no);
  const auto exception = compared.note("exception", wanted.exception, seen.exception);
  const auto message = compared.note("message", wanted.message_template, seen.message_template,
                                     compare_messages(wanted.message_template, seen.message_template));
  const auto statement = compared.note("statement", wanted.statement, seen.statement);
  const auto site = compare_sites(wanted, seen, statement, message);
  // In two test bodies it is the statement or the message that differs, as said above.
  const bool in_test_bodies = wanted.raised_in_test && seen.raised_in_test;
  if (!in_test_bodies || site == Agreement::yes) compared.note("throw site", site_of(wanted), site_of(seen), site);
  const auto frame = compared.note("innermost own frame", first_of(wanted.frames), first_of(seen.frames),
                                   compare_frames(wanted, seen));
  compared.note("test", wanted.test_name, seen.test_name);

  Match result{MatchGrade::other, std::move(compared).reasons()};
  if (!same_type) return result;
  const bool exact = exception != Agreement::no && message == Agreement::yes && site != Agreement::no &&
                     (site == Agreement::yes || (wanted.site_file.empty() && seen.site_file.empty()));
  // What is called in many places (a wrapper, the opening of a device) leads to failures of other kinds as well.
  const bool contradicted = site == Agreement::no && message == Agreement::no;
  const bool same_caller = frame == Agreement::yes || statement == Agreement::yes;
  const bool same_site = site == Agreement::yes || (same_caller && !contradicted);
  result.grade = exact ? MatchGrade::exact : same_site ? MatchGrade::same_site : MatchGrade::same_class;
  return result;
}

}  // namespace ndr
