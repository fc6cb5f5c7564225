#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/evidence/finished_tests.hpp"

namespace ndr {

/// One line as the dialects see it: no CI time stamp, no escape sequences, no process mark. Views live until the next.
struct LogLine {
  std::string_view text;
  std::string_view stamp;    // GitHub's, empty where the line has none
  std::string_view process;  // the launcher's mark as printed
  Origin origin;
};

/// A line that is kept.
struct KeptLine {
  std::string text;
  std::string stamp;
  std::string process;
  Origin origin;
};
KeptLine keep(const LogLine& line);

template <class T>
Sourced<T> sourced(T value, const Origin& origin) {
  return {std::move(value), origin};
}

/// One failure as a dialect saw it. What a dialect does not know stays empty.
struct Fault {
  KeptLine seen;  // where it became visible: faults are ordered by it
  FailureType type = FailureType::exception;
  MaybeSourced<std::string> exception;
  MaybeSourced<std::string> error_line;
  std::string error_stamp;  // of the line of error_line
  MaybeSourced<std::string> throw_location;
  MaybeSourced<std::string> statement;
  MaybeSourced<std::string> test_id;
  MaybeSourced<std::string> test_file;
  MaybeSourced<std::uint64_t> test_line;
  MaybeSourced<std::string> worker;   // gw2
  MaybeSourced<std::string> command;  // where the shell names what died
  std::vector<StackFrame> python_stack;
  std::vector<StackFrame> native_stack;
  std::string test_began;  // stamp; empty where the log does not tell
  TestsBefore before;
};

/// Lines that one step may keep of one kind: bounds memory on hostile logs.
constexpr std::size_t most_kept_lines = 64;

/// What kind of failure a message speaks of, where its words say so (infra, device_contention, out_of_memory,
/// device_timeout, and an assertion in a device kernel).
std::optional<FailureType> type_by_message(std::string_view message);

/// Numbers, tensors or data differ: PCC, allclose, accuracy, data read back.
bool speaks_of_comparison(std::string_view text);

/// The message without what loggers put around it: time, level, channel, "TT_THROW: ", "(assert.hpp:104)".
std::string_view bare_message(std::string_view text);

/// The level of a logger line ("2026-04-23 21:00:59.755 | critical |  Always | ..." and loguru's), lower case;
/// empty where the line has none.
std::string logger_level(std::string_view text);

/// A value that the message itself names: "device 19", "rank 2".
std::string named_devices(std::string_view message);

}  // namespace ndr
