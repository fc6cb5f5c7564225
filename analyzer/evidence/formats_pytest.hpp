#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/formats.hpp"
#include "analyzer/evidence/formats_pytest_block.hpp"
#include "analyzer/evidence/formats_tt.hpp"

namespace ndr {

/// "tests/a.py::TestB::test_c[params]" at the front of `text`: its length, 0 where there is none. Parameters may hold
/// blanks, brackets and "::".
std::size_t node_id_length(std::string_view text);

/// One line of pytest's -v output, with and without xdist. Views into the line.
struct PytestVerdict {
  std::string_view id;
  std::string_view word;    // PASSED, FAILED, ERROR, ...; empty: the test has begun
  std::string_view worker;  // gw2
  bool failed() const { return word == "FAILED" || word == "ERROR" || word.starts_with("SUBFAIL"); }
};
std::optional<PytestVerdict> read_verdict(std::string_view text);

/// A test that a line named.
struct NamedTest {
  KeptLine seen;
  std::string id;
  std::string worker;
};

/// A line of the short summary: "FAILED id - message"; `id` is a file's name where collecting failed.
struct PytestSummaryLine {
  KeptLine seen;
  std::string word;
  std::string id;
  std::string message;
};

/// What one pytest session said.
struct PytestSession {
  int number = 0;  // of the step's sessions, from 0
  Origin begun;    // of the line that showed it first
  MaybeSourced<double> timeout_s;
  std::string root;
  std::optional<NamedTest> first_failure;  // in time
  std::optional<NamedTest> running;        // begun last, without a verdict yet
  std::vector<NamedTest> lost;             // named by "worker 'gw1' crashed while running '...'"
  std::string failure_began;               // stamp of the start of first_failure, where the log tells
  TestsBefore before_failure;              // what its process had run
  bool has_begun = false;                  // a test was named
  bool parallel = false;                   // by an xdist worker
  char first_mark = '\0';                  // F or E of the dotted progress
  std::vector<PytestBlock> blocks;
  std::vector<PytestSummaryLine> summary;
  bool reported = false;  // the last line ("= 1 failed, 3 passed in 2.1s =") was printed
  bool bad = false;       // that line counts failures or errors
  bool failed() const { return first_failure || bad || !summary.empty() || !blocks.empty(); }
};

/// Reads the pytest sessions of one step; stays at the first one that failed.
class PytestReader {
public:
  /// True where the line is pytest's own (not a test's output).
  bool read(const LogLine& line);
  bool open() const { return in_header_ || section_ == Section::blocks || section_ == Section::summary; }
  const PytestSession& session() const { return session_; }
  /// Nothing more comes: a block that is still being read is complete.
  void finish() { close_block(); }
  int sessions() const { return sessions_; }
  /// The current session's failures were allowed: the next one counts as if it were the first.
  void forgive() {
    session_ = PytestSession{};
    session_.number = sessions_ - 1;
  }
  /// The line just read ended a test without failure: what it logged on the way was expected.
  bool test_ended_well() const { return ended_well_; }
  /// What the process of that worker (empty: the lone one) has run in this session so far.
  TestsBefore tests_before(std::string_view worker) const { return finished_.before(worker); }

private:
  enum class Section { progress, blocks, summary, other };
  void begin_session(const LogLine& line);
  bool read_rule(const LogLine& line);
  void take_section(std::string_view title);
  bool take_result_line(std::string_view text);
  bool read_header_line(const LogLine& line);
  bool read_progress(const LogLine& line);
  void take_verdict(const PytestVerdict& verdict, const LogLine& line);
  bool read_crashed_worker(const LogLine& line);
  void read_summary(const LogLine& line);
  void close_block();
  bool wants(const PytestBlock& block) const;

  Section section_ = Section::progress;
  bool in_header_ = false;
  bool ended_well_ = false;
  int sessions_ = 0;
  PytestSession session_;
  FinishedTests finished_;
  std::optional<PytestBlockReader> block_;
  bool blocks_are_errors_ = false;
};

/// The runtime's exception with that message in any of the session's blocks; nothing where none has it.
std::optional<TtThrow> throw_saying(const PytestSession& session, std::string_view message);

/// The fault that a session shows; nothing where it did not fail.
std::optional<Fault> pytest_fault(const PytestSession& session);

}  // namespace ndr
