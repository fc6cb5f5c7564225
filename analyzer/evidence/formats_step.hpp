#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/evidence/formats_command.hpp"
#include "analyzer/evidence/formats_crash.hpp"
#include "analyzer/evidence/formats_github.hpp"
#include "analyzer/evidence/formats_gtest.hpp"
#include "analyzer/evidence/formats_pytest.hpp"
#include "analyzer/evidence/formats_python.hpp"
#include "analyzer/evidence/formats_tt.hpp"
#include "analyzer/evidence/settings.hpp"

namespace ndr {

/// Everything that one step of a job printed, or a whole file that has no steps: the dialects side by side, and which
/// of what they saw came first.
class StepReader {
public:
  StepReader() = default;
  explicit StepReader(StepHeader header) : header_(std::move(header)) {}

  void read(const LogLine& line);
  /// A line of which the prefilter knows that it is at most the progress of a test that ends well.
  void read_progress(const LogLine& line);
  bool open() const;
  void finish() { pytest_.finish(); }
  void set_header(StepHeader header) { header_ = std::move(header); }

  const StepHeader& header() const { return header_; }
  /// Commands of the script that run tests; of a log without frame, those behind a prompt or trace.
  std::vector<ShellCommand> test_commands() const;
  /// The command of that ordinal session or program, the last traced one, or the one that the shell said died.
  std::optional<ShellCommand> failing_command(const Fault* fault) const;
  bool ran_tests() const;
  bool ran_a_test() const;  // not only a program that found none
  /// Its own failing is the runner's or the installation's: an action, or a script that runs no test.
  bool is_setup_step() const;
  /// What has begun and not ended: a test, a session, the step's own command of a log that has steps.
  MaybeSourced<std::string> still_running() const;
  /// The log itself says that something failed and nothing afterwards takes it back.
  bool shows_failure() const;

  /// The first cause. `end`: what the frame says ended the step, null where there is no frame.
  std::optional<Fault> cause(const FrameError* end) const;

  const std::map<std::string, Sourced<std::string>>& settings() const { return settings_; }
  const PytestReader& pytest() const { return pytest_; }
  const std::map<std::string, Sourced<double>>& limits() const { return limits_; }
  const LogSettings& sizes() const { return sizes_; }
  MaybeSourced<std::string> arch_hint() const { return arch_hint_; }
  MaybeSourced<std::string> board_hint() const { return board_hint_; }
  /// A line said that something is tried again since this was asked for the last time.
  bool tries_again() { return std::exchange(tries_again_, false); }
  /// What failed later than that fault, a line each.
  std::vector<Sourced<std::string>> fallout(const Fault& fault) const;

private:
  struct Logged {
    FailureType type;
    KeptLine seen;
  };
  void read_logged(const LogLine& line);
  void read_limits(const LogLine& line);
  void read_settings(const LogLine& line);
  void read_traced(const LogLine& line);
  void read_weak(const LogLine& line);
  void forget_expected(const LogLine& line);
  void forget_logged(const LogLine& line);
  bool may_fail(int number) const;
  void forgive_allowed(const LogLine& line);
  std::optional<Fault> pytest_or_crash(std::optional<Fault> crash) const;
  std::optional<Fault> first_reported() const;
  std::optional<Fault> cause_by_end(const FrameError& end) const;
  std::optional<Fault> unframed_end() const;
  Fault killed_fault(const FrameError* end) const;
  Fault severe_fault() const;
  void prefer_logged(Fault& fault) const;
  void prefer_first_message(Fault& fault) const;
  static void take_test_body(Fault& fault);
  void take_watcher(Fault& fault) const;
  void take_running_test(Fault& fault) const;
  const Logged* logged_before(FailureType type, const Fault& fault) const;
  std::optional<double> command_limit() const;
  void keep_kind_that_ran(std::vector<ShellCommand>& tests) const;
  std::optional<ShellCommand> command_of_stack(const std::vector<ShellCommand>& tests, const Fault* fault) const;

  StepHeader header_;
  PytestReader pytest_;
  GtestReader gtest_;
  CrashReader crash_;
  TracebackReader traceback_;
  TimeoutDumpReader timeout_dump_;
  WatcherReader watcher_;
  std::vector<Logged> logged_;      // first line of each type that a test has not taken back
  std::optional<KeptLine> weak_;    // the first line that merely looks like an error
  std::optional<KeptLine> severe_;  // the first line that a logger called an error
  std::optional<KeptLine> runner_complaint_;
  std::optional<KeptLine> limit_hit_;                   // ctest's "***Timeout"
  std::optional<KeptLine> rank_death_;                  // mpirun's "process rank 2 ... exited on signal 6"
  std::vector<ShellCommand> traced_;                    // "+ pytest ..." and "$ pytest ..."
  std::map<std::string, std::string> traced_settings_;  // "+ NAME=value" in front of the next one
  bool tries_again_ = false;                            // the last error was said to be overcome
  std::map<std::string, Sourced<std::string>> settings_;
  std::map<std::string, Sourced<double>> limits_;
  LogSettings sizes_;  // of the device's memory
  MaybeSourced<std::string> arch_hint_;
  MaybeSourced<std::string> board_hint_;
  std::uint64_t last_report_line_ = 0;  // of a session's or program's own report that all went well
  int traced_sessions_ = 0;             // of pytest, behind which a command was traced
  int judged_sessions_ = 0;             // of pytest, whether their failure is allowed
};

}  // namespace ndr
