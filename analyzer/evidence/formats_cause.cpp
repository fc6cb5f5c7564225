// Which of the things that a step printed is the cause, and which are fallout.
#include <algorithm>
#include <array>
#include <utility>

#include "analyzer/evidence/formats_step.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

bool earlier(const Fault& a, const Fault& b) { return a.seen.origin.line < b.seen.origin.line; }

constexpr std::array strong_types{FailureType::device_contention, FailureType::out_of_memory,
                                  FailureType::device_timeout};

// Types that merely say how it surfaced: an earlier line may say more.
bool says_little(FailureType type) {
  return type == FailureType::exception || type == FailureType::test_timeout || type == FailureType::hang ||
         type == FailureType::crash;
}

Fault fault_of(const KeptLine& line, FailureType type) {
  Fault fault;
  fault.seen = line;
  fault.type = type;
  fault.error_line = sourced(std::string{trim(bare_message(line.text))}, line.origin);
  fault.error_stamp = line.stamp;
  return fault;
}

void set_signal(Fault& fault, const std::string& signal, const Origin& origin) {
  if (!signal.empty()) fault.exception = sourced(signal, origin);
}

}  // namespace

// xdist's report of a worker that died: the worker's own last words, where it left any, say more.
std::optional<Fault> StepReader::pytest_or_crash(std::optional<Fault> crash) const {
  const PytestSession& session = pytest_.session();
  std::optional<Fault> tests = pytest_fault(session);
  if (session.lost.empty()) {
    const bool survived = tests && session.reported && !session.first_failure;
    if (!tests || (crash && !survived && earlier(*crash, *tests))) return crash;
    return tests;
  }
  const auto is_lost = [&](const NamedTest& test) {
    return tests && tests->test_id && tests->test_id->value == test.id;
  };
  const auto lost = std::find_if(session.lost.begin(), session.lost.end(), is_lost);
  if (tests && tests->test_id && lost == session.lost.end()) return tests;  // another test failed before
  if (crash) return crash;
  const KeptLine& said = (lost == session.lost.end() ? session.lost.front() : *lost).seen;
  if (!tests) tests = fault_of(said, FailureType::crash);
  tests->type = FailureType::crash;
  if (!tests->error_line) tests->error_line = sourced(std::string{trim(said.text)}, said.origin);
  return tests;
}

// What the test frameworks and dying processes reported, the first in time.
std::optional<Fault> StepReader::first_reported() const {
  std::optional<Fault> first = pytest_or_crash(crash_.fault());
  const auto consider = [&](std::optional<Fault> fault) {
    if (fault && (!first || earlier(*fault, *first))) first = std::move(fault);
  };
  consider(gtest_.fault());
  consider(timeout_dump_.fault());
  return first;
}

const StepReader::Logged* StepReader::logged_before(FailureType type, const Fault& fault) const {
  const auto found = std::find_if(logged_.begin(), logged_.end(), [&](const Logged& logged) {
    return logged.type == type && logged.seen.origin.line <= fault.seen.origin.line;
  });
  return found == logged_.end() ? nullptr : &*found;
}

// A device that hangs is noticed more than once, at places that wait one after the other: the first is nearest to it.
void StepReader::prefer_first_message(Fault& fault) const {
  const Logged* first = logged_before(fault.type, fault);
  if (fault.type != FailureType::device_timeout || first == nullptr || !fault.error_line) return;
  const std::string said{trim(bare_message(first->seen.text))};
  const bool other = first->seen.process == fault.seen.process && said != fault.error_line->value &&
                     contains(said, "TIMEOUT: ") && contains(fault.error_line->value, "TIMEOUT: ");
  if (!other) return;
  fault.error_line = sourced(said, first->seen.origin);
  fault.error_stamp = first->seen.stamp;
  const auto thrown = throw_saying(pytest_.session(), said);
  if (thrown) fault.throw_location = sourced(source_path(thrown->location.value), thrown->location.origin);
}

// A time-out or exception that follows from something that was logged before it.
void StepReader::prefer_logged(Fault& fault) const {
  prefer_first_message(fault);
  if (const Logged* same = logged_before(fault.type, fault);
      same != nullptr && same->seen.process != fault.seen.process && fault.type == FailureType::device_timeout) {
    fault.seen = same->seen;  // another rank was first
    fault.error_line = sourced(std::string{trim(bare_message(same->seen.text))}, same->seen.origin);
    fault.error_stamp = same->seen.stamp;
    return;
  }
  const Logged* contention = logged_before(FailureType::device_contention, fault);
  if (contention != nullptr && (says_little(fault.type) || fault.type == FailureType::device_timeout)) {
    fault.type = FailureType::device_contention;
    fault.error_line = sourced(std::string{trim(bare_message(contention->seen.text))}, contention->seen.origin);
    fault.error_stamp = contention->seen.stamp;
    return;
  }
  if (!says_little(fault.type)) return;
  for (const FailureType type : strong_types) {
    const Logged* logged = logged_before(type, fault);
    if (logged == nullptr) continue;
    fault.type = type;
    fault.error_line = sourced(std::string{trim(bare_message(logged->seen.text))}, logged->seen.origin);
    fault.error_stamp = logged->seen.stamp;
    if (fault.seen.process.empty()) fault.seen.process = logged->seen.process;
    return;
  }
}

void StepReader::take_watcher(Fault& fault) const {
  const auto& tripped = watcher_.found();
  if (!tripped || (fault.type != FailureType::assertion && !says_little(fault.type))) return;
  if (tripped->seen.origin.line > fault.seen.origin.line && fault.type != FailureType::assertion) return;
  fault.type = FailureType::assertion;
  const bool says_it = fault.error_line && contains(fault.error_line->value, "tripped an assert");
  if (!says_it) {
    fault.error_line = tripped->message;
    fault.error_stamp = tripped->seen.stamp;
  }
  if (tripped->kernel) {
    const std::string place = source_path(tripped->kernel->value) + ":" + std::to_string(tripped->line);
    fault.throw_location = sourced(place, tripped->kernel->origin);
  }
}

// The test that was running when the process died or hung.
void StepReader::take_running_test(Fault& fault) const {
  const PytestSession& session = pytest_.session();
  const auto in_stack = [&](const NamedTest& test) {
    return std::any_of(fault.python_stack.begin(), fault.python_stack.end(), [&](const StackFrame& frame) {
      return contains(test.id, "::" + frame.function) && frame.function.size() > 1;
    });
  };
  std::optional<NamedTest> pytest = session.running;
  if (!session.lost.empty()) {
    const auto named = std::find_if(session.lost.begin(), session.lost.end(), in_stack);
    pytest = named == session.lost.end() ? session.lost.front() : *named;
  }
  if (!fault.test_id && pytest && pytest_.sessions() > 0) {
    fault.test_id = sourced(pytest->id, pytest->seen.origin);
    fault.test_file = sourced(std::string{before(pytest->id, "::")}, pytest->seen.origin);
    if (!pytest->worker.empty()) fault.worker = sourced(pytest->worker, pytest->seen.origin);
    fault.before = pytest_.tests_before(pytest->worker);
    const bool shown = session.running && session.running->id == pytest->id;
    fault.test_began = shown ? pytest->seen.stamp : fault.before.last_stamp;
  }
  for (const std::string& process : {fault.seen.process, std::string{}}) {
    if (fault.test_id) break;
    fault.test_id = gtest_.running(process);
    if (!fault.test_id) continue;
    fault.test_began = gtest_.began(process);
    fault.before = gtest_.tests_before(process);
  }
  take_test_body(fault);
  if (fault.test_line || !fault.test_file) return;
  for (auto frame = fault.python_stack.rbegin(); frame != fault.python_stack.rend(); ++frame) {
    if (!same_source_file(source_path(frame->file), fault.test_file->value)) continue;
    fault.test_line = sourced(frame->line, frame->origin);
    return;
  }
}

// The frame of a Google Test body names the test's own line.
void StepReader::take_test_body(Fault& fault) {
  if (fault.test_file || fault.test_line) return;
  const auto body = std::find_if(fault.native_stack.begin(), fault.native_stack.end(), [](const StackFrame& frame) {
    return frame.line > 0 && contains(frame.function, "_Test::TestBody");
  });
  if (body == fault.native_stack.end()) return;
  fault.test_file = sourced(source_path(body->file), body->origin);
  fault.test_line = sourced(body->line, body->origin);
}

std::optional<double> StepReader::command_limit() const {
  const auto command = failing_command(nullptr);
  return command ? command->limit_s : std::nullopt;
}

// A step that something outside of the tests ended: the limit of `timeout`, the OOM killer, a signal.
Fault StepReader::killed_fault(const FrameError* end) const {
  const auto& killed = crash_.killed();
  const int code = end == nullptr ? 0 : end->exit_code;
  std::string signal = killed ? killed->signal : signal_of_exit(code);
  const bool limited = command_limit().has_value();
  FailureType type = FailureType::crash;
  if (limited && (code == 124 || signal == "SIGTERM" || signal == "SIGKILL"))
    type = FailureType::test_timeout;
  else if (signal == "SIGKILL")
    type = FailureType::out_of_memory;
  else if (signal == "SIGTERM" || signal == "SIGINT")
    type = FailureType::hang;
  Fault fault = fault_of(killed ? killed->seen : end->seen, type);
  if (killed && !killed->command.empty()) fault.command = sourced(killed->command, killed->seen.origin);
  set_signal(fault, signal, fault.seen.origin);
  return fault;
}

// A program without a test framework that logged an error and exited.
Fault StepReader::severe_fault() const {
  const bool checked = contains(severe_->text, "TT_FATAL") || contains(severe_->text, "TT_ASSERT");
  const FailureType type = checked ? FailureType::assertion : FailureType::exception;
  return fault_of(*severe_, type_by_message(severe_->text).value_or(type));
}

std::optional<Fault> StepReader::cause_by_end(const FrameError& end) const {
  using Kind = FrameError::Kind;
  if (end.kind == Kind::step_timeout || end.kind == Kind::job_timeout || end.kind == Kind::cancelled) {
    return fault_of(end.seen, FailureType::hang);
  }
  if (limit_hit_) return fault_of(*limit_hit_, FailureType::test_timeout);
  if (rank_death_) {
    Fault fault = fault_of(*rank_death_, FailureType::crash);
    const auto number = rank_death_->text.find("signal ");
    if (number != std::string::npos)
      set_signal(fault, signal_name(rank_death_->text.substr(number)), rank_death_->origin);
    return fault;
  }
  if (crash_.killed() || (end.exit_code == 124 && command_limit()) || !signal_of_exit(end.exit_code).empty()) {
    return killed_fault(&end);
  }
  if (traceback_.fault()) {
    Fault fault = *traceback_.fault();
    if (is_setup_step() && !ran_tests() && fault.type == FailureType::exception) fault.type = FailureType::infra;
    return fault;
  }
  if (runner_complaint_ && !ran_tests()) return fault_of(*runner_complaint_, FailureType::infra);
  if (end.kind == Kind::infra) return fault_of(end.seen, FailureType::infra);
  const bool cannot_start = end.exit_code == 126 || end.exit_code == 127;  // POSIX shell: not executable, not found
  const bool no_test = !ran_tests() && (is_setup_step() || cannot_start);
  if (severe_ && !no_test) return severe_fault();
  return fault_of(weak_ ? *weak_ : end.seen, no_test ? FailureType::infra : FailureType::exception);
}

std::optional<Fault> StepReader::unframed_end() const {
  if (limit_hit_) return fault_of(*limit_hit_, FailureType::test_timeout);
  if (crash_.killed()) return killed_fault(nullptr);
  if (traceback_.fault()) return traceback_.fault();
  if (watcher_.found()) return fault_of(watcher_.found()->seen, FailureType::assertion);  // take_watcher says the rest
  return std::nullopt;
}

std::vector<Sourced<std::string>> StepReader::fallout(const Fault& fault) const {
  std::vector<Sourced<std::string>> later;
  const auto add = [&](std::string_view text, const Origin& origin) {
    const bool known = fault.error_line && fault.error_line->origin == origin;
    if (later.size() < most_kept_lines && !known) later.push_back(sourced(std::string{trim(text)}, origin));
  };
  for (const Logged& logged : logged_) {
    if (logged.seen.origin.line > fault.seen.origin.line) add(bare_message(logged.seen.text), logged.seen.origin);
  }
  for (const PytestSummaryLine& line : pytest_.session().summary) {
    if (!fault.test_id || line.id != fault.test_id->value) add(line.seen.text, line.seen.origin);
  }
  for (const Sourced<std::string>& test : gtest_.failed_later())
    add(test.value, test.origin);
  std::stable_sort(later.begin(), later.end(),
                   [](const auto& a, const auto& b) { return a.origin.line < b.origin.line; });
  return later;
}

std::optional<Fault> StepReader::cause(const FrameError* end) const {
  std::optional<Fault> fault = first_reported();
  if (!fault) fault = end == nullptr ? unframed_end() : cause_by_end(*end);
  if (!fault) return std::nullopt;
  take_running_test(*fault);
  prefer_logged(*fault);
  take_watcher(*fault);
  if (fault->throw_location) {
    fault->throw_location->value = source_path(fault->throw_location->value, pytest_.session().root);
  }
  return fault;
}

}  // namespace ndr
