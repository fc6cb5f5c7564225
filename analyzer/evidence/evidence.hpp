#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ndr {

/// What kind of failure a log shows. The words are those of CI triage; `none`: the job did not fail.
/// Precedence where several fit: infra, device_contention, out_of_memory, device_timeout, test_timeout, hang,
/// comparison, assertion, crash, exception.
enum class FailureType {
  none,
  infra,
  device_contention,
  out_of_memory,
  device_timeout,
  test_timeout,
  hang,
  comparison,
  assertion,
  crash,
  exception
};

std::string_view to_text(FailureType type);
std::optional<FailureType> failure_type_from(std::string_view text);

/// Where a value was read: index into Evidence::files, 1-based line, byte offset of that line in the raw file.
struct Origin {
  std::uint32_t file = 0;
  std::uint64_t line = 0;
  std::uint64_t offset = 0;
  bool operator==(const Origin&) const = default;
};

/// "FILE:LINE", by the list of files that origins of this kind refer to; empty where none is known.
std::string place_of(const std::vector<std::string>& files, const Origin& origin);

/// A value with the place it came from.
template <class T>
struct Sourced {
  T value{};
  Origin origin;
  bool operator==(const Sourced&) const = default;
};

template <class T>
using MaybeSourced = std::optional<Sourced<T>>;

/// Where in an operation's life the failure is: waiting for something that does not come, in the middle of an
/// operation, or after it, when its result is looked at.
enum class FailureMechanism { waiting, during, after };

std::string_view to_text(FailureMechanism mechanism);
std::optional<FailureMechanism> failure_mechanism_from(std::string_view text);

/// One frame of a Python or native stack: normalised later, here as the log prints it.
struct StackFrame {
  std::string file;      // as printed; empty when only a module is known
  std::uint64_t line{};  // 0 when unknown
  std::string function;  // may be empty
  std::string text;      // the source line or the raw frame
  Origin origin;
  bool operator==(const StackFrame&) const = default;
};

/// Another value that the logs give for a field that already has one; listed, never silently resolved.
struct Conflict {
  std::string field;
  Sourced<std::string> kept;
  Sourced<std::string> other;
  bool operator==(const Conflict&) const = default;
};

/// What one of several logs said by itself. `same_failure`: it shows the failure that the evidence speaks of.
struct LogOutcome {
  std::uint32_t file = 0;
  bool is_failure = false;
  bool same_failure = false;
  FailureType failure_type = FailureType::none;
  MaybeSourced<std::string> job;
  MaybeSourced<std::string> test_id;
  MaybeSourced<std::string> error_line;
  MaybeSourced<std::string> failed_at;
  MaybeSourced<std::string> cut_off;
  bool operator==(const LogOutcome&) const = default;
};

/// What the logs of one failure say, every value with its origin; absent means: truly not in the logs.
/// Texts are valid UTF-8, ANSI and CI time stamps stripped.
struct Evidence {
  std::vector<std::string> files;  // as named by the caller

  bool is_failure = false;
  FailureType failure_type = FailureType::none;
  bool shows_tests = false;                  // a test framework's output, or a command that runs tests
  MaybeSourced<std::string> cut_off;         // what still ran where a log without failure ends: it is not whole
  MaybeSourced<std::string> exception;       // class as printed, or the signal (SIGSEGV)
  MaybeSourced<std::string> error_line;      // the first line that says what is wrong
  MaybeSourced<std::string> throw_location;  // path:line relative to the source root
  MaybeSourced<std::string> failing_statement;
  MaybeSourced<std::string> test_id;  // pytest node id with parameters, or gtest Suite.Test
  MaybeSourced<std::string> test_file;
  MaybeSourced<std::uint64_t> test_line;
  MaybeSourced<std::string> command;  // without leading VAR=value
  std::map<std::string, Sourced<std::string>> environment;
  std::map<std::string, Sourced<double>>
      timeouts;  // pytest_s, operation_s, step_min, command_s, fabric_sync_ms, fw_init_ms
  MaybeSourced<std::string> arch;
  MaybeSourced<std::string> board;
  MaybeSourced<std::string> workflow;
  MaybeSourced<std::string> job;
  MaybeSourced<std::string> runner;
  MaybeSourced<std::string> rank_or_device;
  MaybeSourced<std::string> failed_at;   // RFC 3339 UTC: when the failure was first seen
  std::vector<StackFrame> python_stack;  // innermost last, as Python prints it
  std::vector<StackFrame> native_stack;  // innermost first, as native traces print it
  std::vector<Conflict> conflicts;

  MaybeSourced<double> seconds_into_step;  // from the start of the step to failed_at
  MaybeSourced<double> seconds_into_test;  // from the start of the test, or the end of the one before it
  MaybeSourced<double> silent_seconds;     // between the last output and the kill of a step that hung
  MaybeSourced<FailureMechanism> mechanism;
  MaybeSourced<std::string> container_image;
  MaybeSourced<std::string> revision;                    // commit that CI had checked out
  std::map<std::string, Sourced<std::string>> settings;  // limits, sizes and flags that the log shows, see settings.hpp
  std::map<std::string, Origin> secrets;                 // variables that hold secrets, and where they were seen
  std::vector<Sourced<std::string>> steps;               // CI steps before the failing one, in their order
  std::uint64_t predecessor_count = 0;                   // tests that the same process ran before
  std::vector<Sourced<std::string>> predecessors;        // the last of them, in their order
  std::vector<Sourced<std::string>> fallout;             // failures that came later, one line each
  std::vector<LogOutcome> logs;                          // one for each of `files`
};

}  // namespace ndr
