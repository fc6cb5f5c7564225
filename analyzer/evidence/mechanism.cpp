#include "analyzer/evidence/mechanism.hpp"

#include <algorithm>
#include <array>

#include "analyzer/evidence/formats.hpp"
#include "analyzer/evidence/stack.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

// At the start of a word: "cond_wait" and "EnqueueWait" wait, "nolock" and "blocks" do not.
bool speaks_of_waiting(std::string_view text) {
  constexpr std::array<std::string_view, 13> words{"wait",   "synchroniz", "lock",           "join",      "barrier",
                                                   "poll",   "acquire",    "device timeout", "queue.get", "recv",
                                                   "select", "finish(",    "timedwait"};
  const std::string lower = to_lower(text);
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto is_letter = [&](char c) { return is_upper(c) || (c >= 'a' && c <= 'z'); };
  return std::any_of(words.begin(), words.end(), [&](auto word) {
    for (auto at = lower.find(word); at != std::string::npos; at = lower.find(word, at + 1)) {
      if (at == 0 || !is_letter(text[at - 1]) || (is_upper(text[at]) && !is_upper(text[at - 1]))) return true;
    }
    return false;
  });
}

// A frame that waits, in the innermost half dozen: whatever waits, somebody deep in the stack does.
const StackFrame* waiting_frame(const std::vector<StackFrame>& innermost_first) {
  constexpr std::size_t looked_at = 6;
  const auto end = innermost_first.begin() + static_cast<std::ptrdiff_t>(std::min(looked_at, innermost_first.size()));
  const auto found = std::find_if(innermost_first.begin(), end, [](const StackFrame& frame) {
    return speaks_of_waiting(frame.function) || speaks_of_waiting(frame.text);
  });
  return found == end ? nullptr : &*found;
}

MaybeSourced<FailureMechanism> waits(const Evidence& evidence) {
  if (evidence.error_line && speaks_of_waiting(evidence.error_line->value))
    return sourced(FailureMechanism::waiting, evidence.error_line->origin);
  if (const StackFrame* frame = waiting_frame(evidence.native_stack))
    return sourced(FailureMechanism::waiting, frame->origin);
  const std::vector<StackFrame> innermost_first{evidence.python_stack.rbegin(), evidence.python_stack.rend()};
  if (const StackFrame* frame = waiting_frame(innermost_first))
    return sourced(FailureMechanism::waiting, frame->origin);
  if (evidence.failing_statement && speaks_of_waiting(evidence.failing_statement->value))
    return sourced(FailureMechanism::waiting, evidence.failing_statement->origin);
  return std::nullopt;
}

MaybeSourced<FailureMechanism> at_error_line(const Evidence& evidence, FailureMechanism mechanism) {
  if (evidence.error_line) return sourced(mechanism, evidence.error_line->origin);
  if (evidence.test_id) return sourced(mechanism, evidence.test_id->origin);
  return std::nullopt;
}

}  // namespace

MaybeSourced<FailureMechanism> mechanism_of(const Evidence& evidence) {
  switch (evidence.failure_type) {
    case FailureType::none:
      return std::nullopt;
    case FailureType::device_timeout:
    case FailureType::device_contention:
      return at_error_line(evidence, FailureMechanism::waiting);
    case FailureType::comparison:
    case FailureType::assertion:
      return at_error_line(evidence, FailureMechanism::after);
    case FailureType::out_of_memory:
      return at_error_line(evidence, FailureMechanism::during);
    case FailureType::infra:
    case FailureType::test_timeout:
    case FailureType::hang:
    case FailureType::crash:
    case FailureType::exception:
      break;
  }
  if (const auto waiting = waits(evidence)) return waiting;
  return at_error_line(evidence, FailureMechanism::during);
}

}  // namespace ndr
