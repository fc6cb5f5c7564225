#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/evidence/formats.hpp"
#include "analyzer/evidence/formats_tt.hpp"

namespace ndr {

/// Reads the output of Google Test programs of one step, each process of a parallel job by itself.
class GtestReader {
public:
  /// True where the line is the framework's own.
  bool read(const LogLine& line);
  bool open() const { return failure_open_; }
  int programs() const { return programs_; }
  int failed_program() const { return failed_program_ > 0 ? failed_program_ - 1 : 0; }  // of the step's, from 0
  bool test_ended_well() const { return ended_well_; }
  /// A test of that process (any, where `process` is empty) that has begun and not ended.
  MaybeSourced<std::string> running(std::string_view process) const;
  /// When that test began (a stamp, may be empty), and what its process had run before.
  std::string began(std::string_view process) const;
  TestsBefore tests_before(std::string_view process) const;
  MaybeSourced<std::string> last_seen() const { return last_seen_; }
  /// The first test that failed.
  std::optional<Fault> fault() const;
  /// Tests that failed after that one.
  const std::vector<Sourced<std::string>>& failed_later() const { return failed_later_; }
  /// The program said how many tests failed: its own report, not a guess.
  bool failed() const { return failed_.has_value(); }

private:
  struct Failure {
    KeptLine seen;
    Sourced<std::string> place;  // "path:line", empty for "unknown file"
    std::vector<KeptLine> text;  // what follows
    std::optional<TtThrow> thrown;
    bool exception = false;  // "C++ exception with description"
  };
  bool read_mark(const LogLine& line);
  void end_test(std::string_view rest, const LogLine& line, bool failed);
  bool begin_failure(const LogLine& line);
  bool continue_failure(const LogLine& line);

  int programs_ = 0;
  int failed_program_ = 0;
  bool failure_open_ = false;
  bool interleaved_ = false;  // copies of the program write into this one log
  bool ended_well_ = false;
  struct Running {
    Sourced<std::string> test;
    std::string stamp;
  };
  const Running* running_in(std::string_view process) const;
  std::map<std::string, Running, std::less<>> running_;
  FinishedTests finished_;
  std::map<std::string, Failure, std::less<>> pending_;  // by process, until the test's verdict
  MaybeSourced<std::string> last_seen_;
  TtThrowReader thrown_;

  struct Failed {
    KeptLine seen;
    Sourced<std::string> test;
    std::optional<Failure> failure;
    std::string began;
    TestsBefore before;
  };
  std::optional<Failed> failed_;
  std::vector<Sourced<std::string>> failed_later_;
};

}  // namespace ndr
