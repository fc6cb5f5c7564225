#include "analyzer/evidence/formats_crash.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "analyzer/evidence/formats_command.hpp"
#include "analyzer/evidence/formats_trigger.hpp"
#include "analyzer/evidence/stack.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

struct SignalWords {
  std::string_view words;
  std::string_view name;
  int number;
};

constexpr std::array signals{
    SignalWords{"Segmentation fault", "SIGSEGV", 11},
    SignalWords{"Aborted", "SIGABRT", 6},
    SignalWords{"Bus error", "SIGBUS", 7},
    SignalWords{"Floating point exception", "SIGFPE", 8},
    SignalWords{"Illegal instruction", "SIGILL", 4},
    SignalWords{"Killed", "SIGKILL", 9},
    SignalWords{"Terminated", "SIGTERM", 15},
    SignalWords{"Trace/breakpoint trap", "SIGTRAP", 5},
    SignalWords{"Floating-point exception", "SIGFPE", 8},
    SignalWords{"Floating-point error", "SIGFPE", 8},
};

// glibc (malloc/malloc.c, debug/fortify_fail.c) before it calls abort().
constexpr std::array heap_checks{
    std::string_view{"double free or corruption"},
    std::string_view{"free(): invalid"},
    std::string_view{"free(): double free detected"},
    std::string_view{"free(): corrupted"},
    std::string_view{"malloc(): "},
    std::string_view{"malloc_consolidate(): "},
    std::string_view{"munmap_chunk(): invalid"},
    std::string_view{"corrupted size vs. prev_size"},
    std::string_view{"corrupted double-linked list"},
    std::string_view{"realloc(): invalid"},
    std::string_view{"realloc(): "},
    std::string_view{"*** stack smashing detected ***"},
    std::string_view{"*** buffer overflow detected ***"},
    std::string_view{"pure virtual method called"},
    std::string_view{"stack smashing detected"},
    std::string_view{"munmap_chunk(): "},
};

constexpr int follow_up_lines = 600;  // a death's own lines: thread dumps may be long

}  // namespace

std::span<const std::string_view> heap_check_words() { return heap_checks; }

std::string signal_name(std::string_view words) {
  for (const SignalWords& known : signals) {
    if (words.starts_with(known.words) || words == known.name) return std::string{known.name};
  }
  if (const auto number = after(words, "signal ")) {
    for (const SignalWords& known : signals) {
      if (leading_number(*number) == static_cast<std::uint64_t>(known.number)) return std::string{known.name};
    }
  }
  return {};
}

std::string signal_of_exit(int code) { return code > 128 ? signal_name("signal " + std::to_string(code - 128)) : ""; }

void CrashReader::forget() { *this = CrashReader{}; }

bool CrashReader::mine(const LogLine& line) const { return death_ && death_->seen.process == line.process; }

CrashReader::Death& CrashReader::death(const LogLine& line) {
  if (!death_) {
    death_ = Death{};
    death_->seen = keep(line);
  }
  open_ = true;
  lines_left_ = follow_up_lines;
  return *death_;
}

void CrashReader::set_headline(const LogLine& line) {
  Death& dying = death(line);
  if (!dying.headline) dying.headline = keep(line);
}

bool CrashReader::read(const LogLine& line) {
  if (open_ && --lines_left_ <= 0) open_ = false;
  if (read_start(line)) return true;
  return open_ && mine(line) && read_follow_up(line);
}

bool CrashReader::read_start(const LogLine& line) {
  if (death_ && !mine(line) && !line.process.empty()) return false;  // another rank's, later
  return read_terminate(line) || read_fatal(line) || read_assert(line) || read_sanitizer(line) || read_shell(line);
}

bool CrashReader::read_terminate(const LogLine& line) {
  const std::string_view text = line.text;
  constexpr std::string_view throwing = "terminate called after throwing an instance of '";
  if (const auto name = after(text, throwing)) {
    Death& dying = death(line);
    if (!dying.exception) dying.exception = sourced(std::string{before(*name, "'")}, line.origin);
    awaits_what_ = true;
    thrown_.forget();
    return true;
  }
  const auto libcxx = after(text, "libc++abi: terminating ");
  if (libcxx) {
    Death& dying = death(line);
    const std::string_view type = after(*libcxx, "of type ").value_or("");
    const auto colon = type.find(": ");
    if (!type.empty() && !dying.exception) dying.exception = sourced(std::string{type.substr(0, colon)}, line.origin);
    if (colon != std::string_view::npos) {
      dying.what = sourced(std::string{trim(type.substr(colon + 2))}, line.origin);
      dying.what_stamp = line.stamp;
      if (thrown_.read(type.substr(colon + 2), line)) dying.thrown = thrown_.found();
    }
    return true;
  }
  if (!text.starts_with("terminate called ")) return false;
  set_headline(line);
  return true;
}

bool CrashReader::read_fatal(const LogLine& line) {
  constexpr std::string_view fatal = "Fatal Python error: ";
  if (const auto words = after(line.text, fatal)) {
    if (death_ && !death_->python_stack.empty()) return open_ = false, true;  // another process of the same job
    LogLine headline = line;
    headline.text = line.text.substr(line.text.find(fatal));  // a test's name may stand in front
    set_headline(headline);
    std::string signal = signal_name(*words);
    if (!signal.empty() && !death_->signal) death_->signal = sourced(std::move(signal), line.origin);
    stack_ = Stack::none;
    return true;
  }
  const bool heap = std::any_of(heap_checks.begin(), heap_checks.end(), [&](auto check) {
    return line.text.starts_with(check) || contains(line.text, "': " + std::string{check});
  });
  if (heap) set_headline(line);
  const auto mpi = after(line.text, "] Signal: ");
  if (mpi && signal_name(*mpi) != "SIGTERM" && !signal_name(*mpi).empty()) {
    set_headline(line);
    if (!death_->signal) death_->signal = sourced(signal_name(*mpi), line.origin);
    stack_ = Stack::native;
    return true;
  }
  return heap;
}

// "prog: file.cpp:12: void f(): Assertion `x' failed."
bool CrashReader::read_assert(const LogLine& line) {
  const std::string_view text = trim_end(line.text);
  const bool failed = contains(text, ": Assertion `") && (text.ends_with("failed.") || text.ends_with("failed"));
  if (!failed) return false;
  set_headline(line);
  death_->asserted = true;
  const std::string_view start = before(text, ": Assertion `");
  const auto program = start.find(": ");
  const std::string_view where = program == std::string_view::npos ? start : start.substr(program + 2);
  const auto place = source_place(where);
  if (!place || death_->place) return true;
  death_->place = sourced(std::string{place->file} + ":" + std::to_string(place->line), line.origin);
  StackFrame frame;
  frame.file = place->file;
  frame.line = place->line;
  frame.function = trim(after(where, std::to_string(place->line) + ": ").value_or(""));
  frame.text = text;
  frame.origin = line.origin;
  death_->native_stack.push_back(std::move(frame));
  return true;
}

bool CrashReader::read_sanitizer(const LogLine& line) {
  const std::string_view text = trim_end(line.text);
  const bool report = contains(text, "==ERROR: ") && contains(text, "Sanitizer");
  const bool race = text.starts_with("WARNING: ThreadSanitizer: ");
  const auto undefined = text.find(": runtime error: ");
  if (report || race) {
    set_headline(line);
    if (contains(text, ": SEGV on ") && !death_->signal) death_->signal = sourced(std::string{"SIGSEGV"}, line.origin);
    stack_ = Stack::native;
    return true;
  }
  const auto place = undefined == std::string_view::npos ? std::nullopt : source_place(text.substr(0, undefined));
  if (!place) return false;
  set_headline(line);
  if (!death_->place)
    death_->place = sourced(std::string{place->file} + ":" + std::to_string(place->line), line.origin);
  return true;
}

// "run.sh: line 37:  2114 Segmentation fault      (core dumped) pytest x", or the words alone.
bool CrashReader::read_shell(const LogLine& line) {
  std::string_view words = trim(line.text);
  const auto number = after(words, ": line ");
  if (number) {
    const std::string_view rest = trim(after(*number, ":").value_or(""));
    const auto pid = leading_number(rest);
    if (!pid) return false;
    words = trim(rest.substr(std::to_string(*pid).size()));
  }
  std::string signal = signal_name(words);
  if (signal.empty() || words.starts_with("signal ")) return false;
  const auto known =
      std::find_if(signals.begin(), signals.end(), [&](const auto& s) { return words.starts_with(s.words); });
  std::string_view rest = known == signals.end() ? std::string_view{} : trim(words.substr(known->words.size()));
  const bool dumped = rest.starts_with("(core dumped)");
  if (dumped) rest = trim(rest.substr(13));
  if (!number && !rest.empty()) return false;  // prose that begins with such a word
  const auto commands = shell_commands(rest, line.origin);
  const std::string command = commands.empty() ? std::string{} : commands.front().text;
  if (signal == "SIGTERM" || signal == "SIGKILL") {
    if (!killed_) killed_ = KilledProcess{keep(line), std::move(signal), command};
    return true;
  }
  set_headline(line);
  if (!death_->signal) death_->signal = sourced(std::move(signal), line.origin);
  if (!command.empty() && !death_->command) death_->command = sourced(command, line.origin);
  return true;
}

bool CrashReader::read_follow_up(const LogLine& line) {
  if (const auto what = after(line.text, "what():  "); what && awaits_what_) {
    awaits_what_ = false;
    if (!death_->what) death_->what = sourced(std::string{trim(*what)}, line.origin);
    death_->what_stamp = line.stamp;
    thrown_.read(*what, line);
    death_->thrown = thrown_.found();
    return true;
  }
  if (thrown_.open() && thrown_.read(line.text, line)) {
    death_->thrown = thrown_.found();
    return true;
  }
  return read_frame(line);
}

bool CrashReader::read_frame(const LogLine& line) {
  const std::string_view text = line.text;
  if (contains(text, "(most recent call first)")) {
    stack_ = text.starts_with("Current thread") ? Stack::current_thread : Stack::other_thread;
    death_->last_thread.clear();
    return true;
  }
  if (auto frame = python_frame(text, line.origin)) {
    auto& stack = stack_ == Stack::current_thread ? death_->python_stack : death_->last_thread;
    const bool wanted = stack_ == Stack::current_thread || stack_ == Stack::other_thread;
    if (wanted && stack.size() < most_stack_frames) stack.push_back(std::move(*frame));
    return true;
  }
  if (stack_ != Stack::native || death_->native_stack.size() >= most_stack_frames) return false;
  const std::string_view bare = trim(text.starts_with('[') ? after(text, "] [").value_or(text) : text);
  const std::string numbered =
      text.starts_with('[') && bare != trim(text) ? "[" + std::string{bare} : std::string{bare};
  auto frame = native_frame(numbered, line.origin);
  if (frame)
    death_->native_stack.push_back(std::move(*frame));
  else if (trim(text).empty() && !death_->native_stack.empty())
    stack_ = Stack::none;  // later stacks: who freed it, ...
  return frame.has_value();
}

std::optional<Fault> CrashReader::fault() const {
  if (!death_) return std::nullopt;
  const Death& dead = *death_;
  Fault fault;
  fault.seen = dead.seen;
  fault.type = dead.exception ? FailureType::exception : dead.asserted ? FailureType::assertion : FailureType::crash;
  fault.exception = dead.exception ? dead.exception : dead.signal;
  fault.command = dead.command;
  const KeptLine& said = dead.headline ? *dead.headline : dead.seen;
  fault.error_line = sourced(std::string{trim(said.text)}, said.origin);
  fault.error_stamp = said.stamp;
  fault.native_stack = dead.native_stack;
  // A native thread has no Python frames; the main thread, which is printed last, runs the test.
  const bool main_thread = !dead.last_thread.empty() && dead.last_thread.back().function == "<module>";
  const auto& python_stack = dead.python_stack.empty() && main_thread ? dead.last_thread : dead.python_stack;
  fault.python_stack = {python_stack.rbegin(), python_stack.rend()};
  if (dead.place) fault.throw_location = sourced(source_path(dead.place->value), dead.place->origin);
  if (dead.what) {
    fault.error_line = dead.what;
    fault.error_stamp = dead.what_stamp;
    if (const auto type = type_by_message(dead.what->value)) fault.type = *type;
    if (contains(dead.exception ? dead.exception->value : "", "bad_alloc")) fault.type = FailureType::out_of_memory;
  }
  if (dead.thrown) {
    fault.type = type_of(*dead.thrown);
    fault.error_line = error_line_of(*dead.thrown);
    fault.error_stamp = dead.thrown->message_stamp;
    fault.throw_location = sourced(source_path(dead.thrown->location.value), dead.thrown->location.origin);
    fault.native_stack = dead.thrown->frames;
  }
  if (fault.throw_location) return fault;
  const StackFrame* native = innermost_own_frame(dead.native_stack, false);
  const StackFrame* own =
      native != nullptr && native->line > 0 ? native : innermost_own_frame(dead.python_stack, false);
  if (own != nullptr && own->line > 0) {
    fault.throw_location = sourced(source_path(own->file) + ":" + std::to_string(own->line), own->origin);
  }
  return fault;
}

}  // namespace ndr
