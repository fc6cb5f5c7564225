#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "analyzer/evidence/formats_github.hpp"
#include "analyzer/evidence/formats_step.hpp"
#include "analyzer/evidence/formats_trigger.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {

/// What one log says in the end.
struct FileOutcome {
  bool is_failure = false;
  JobIdentity job;
  std::optional<Fault> fault;
  std::optional<FrameError> end;            // what the frame says ended the failing step
  std::unique_ptr<StepReader> step;         // the failing one, else the last that ran tests; may be null
  std::vector<Sourced<std::string>> steps;  // titles of those before the failing one
  double silent_s = 0;                      // between the last line and what ended the step
};

/// Reads one log: cuts lines, takes off what CI put around them, and leads them to the frame and the steps.
class FileReader {
public:
  /// `prefilter` off: every line goes to every dialect; the outcome must be the same (a test holds it to that).
  explicit FileReader(std::uint32_t file_index, bool prefilter = true);
  void feed(std::string_view bytes);
  FileOutcome finish();

private:
  void take_raw(std::string_view raw, std::uint64_t number, std::uint64_t offset);
  void take(const LogLine& line);
  void close_step();
  void take_error();
  void forget_overcome_error();
  void forget_retried_error();

  std::uint32_t file_index_;
  bool prefilter_;
  LineSplitter splitter_;
  LineTrigger trigger_;
  std::string clean_;
  GithubFrame frame_;
  bool header_pending_ = false;  // the step's header is still being read
  std::unique_ptr<StepReader> step_;
  std::unique_ptr<StepReader> failed_step_;
  std::unique_ptr<StepReader> last_tests_;
  std::optional<FrameError> end_;
  std::vector<Sourced<std::string>> steps_;
  std::string last_stamp_;  // of the line before
  double silent_s_ = 0;
};

}  // namespace ndr
