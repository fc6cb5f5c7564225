#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/formats_github.hpp"
#include "analyzer/evidence/formats_step.hpp"
#include "analyzer/evidence/formats_trigger.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {

/// What the log of one job says in the end.
struct JobOutcome {
  bool is_failure = false;
  JobIdentity job;
  std::optional<Fault> fault;
  std::optional<FrameError> end;                     // what the frame says ended the failing step
  std::unique_ptr<StepReader> step;                  // the failing one, else the last that ran tests; may be null
  std::vector<Sourced<std::string>> steps;           // titles of those before the failing one
  std::vector<Sourced<std::string>> other_failures;  // what is wrong in later steps whose tests failed as well
  MaybeSourced<std::string> cut_off;                 // what still ran where a log without failure ends
  double silent_s = 0;                               // between the last line and what ended the step
};

/// Reads one log: takes off what CI put around its lines, and leads them to the frame and the steps. Lines that cannot
/// mean anything are not even cut: a block of whole lines is searched for trigger words first.
class FileReader {
public:
  /// `prefilter` off: every line goes to every dialect; the outcome must be the same (a test holds it to that).
  explicit FileReader(std::uint32_t file_index, bool prefilter = true);
  void feed(std::string_view bytes);
  /// Bytes that nobody wrote: between what stands before and after them.
  void skip_hole(std::uint64_t bytes);
  /// It is no log of CI, but the output of a command that ended so.
  void set_exit_status(int status) { exit_status_ = status; }
  /// A log of a whole run has the output of several jobs, one behind the other.
  std::vector<JobOutcome> finish();

private:
  std::size_t read_block(std::string_view bytes);
  void skip(std::string_view lines);
  bool open() const { return header_pending_ || frame_.open() || step_->open(); }
  void take_raw(std::string_view raw, std::uint64_t number, std::uint64_t offset, std::optional<Interest> known);
  void take(const LogLine& line);
  void begin_job(std::string_view name, const Origin& origin);
  JobOutcome finish_job();
  bool failed_by_status(JobOutcome& outcome) const;
  void close_step();
  void take_error();
  void note_other_failure(const FrameError& error);
  void forget_overcome_error();
  void forget_retried_error();

  std::uint32_t file_index_;
  bool prefilter_;
  LineSplitter splitter_;
  LineTrigger trigger_;
  std::vector<TriggerHit> hits_;  // of the block
  std::string clean_;
  std::vector<JobOutcome> jobs_;  // those before the current one
  std::string job_name_;          // as the lines have it
  bool too_many_jobs_ = false;    // the others are not read
  bool names_jobs_ = false;       // each line does, from the first on
  Sourced<std::string> job_;      // the current one's name; empty: no line names it
  GithubFrame frame_;
  bool header_pending_ = false;  // the step's header is still being read
  std::unique_ptr<StepReader> step_;
  std::unique_ptr<StepReader> failed_step_;
  std::unique_ptr<StepReader> last_tests_;
  std::optional<FrameError> end_;
  std::vector<Sourced<std::string>> steps_;
  std::vector<Sourced<std::string>> other_failures_;
  std::string last_stamp_;  // of the last line before that has one
  double silent_s_ = 0;
  int exit_status_ = 0;
};

}  // namespace ndr
