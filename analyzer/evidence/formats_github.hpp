#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/formats.hpp"

namespace ndr {

/// What the frame around the steps says of the job.
struct JobIdentity {
  MaybeSourced<std::string> runner;
  MaybeSourced<std::string> workflow;  // file name of the called workflow
  MaybeSourced<std::string> job;
  MaybeSourced<std::string> container_image;
  MaybeSourced<std::string> revision;  // commit
  std::map<std::string, Sourced<std::string>> inputs;
};

/// How one step was started: "##[group]Run ...", its script, `with:` and `env:` blocks.
struct StepHeader {
  std::string title;
  KeptLine seen;
  std::vector<Sourced<std::string>> script;
  std::size_t script_bytes = 0;
  std::map<std::string, Sourced<std::string>> environment;
  std::map<std::string, Sourced<std::string>> with;
  bool is_action = false;  // `uses:`; its script is what `with:` gives it to run
};

/// What ended a step or the job badly.
struct FrameError {
  enum class Kind { exit_code, step_timeout, job_timeout, cancelled, infra, annotation };
  Kind kind = Kind::annotation;
  KeptLine seen;       // text without the marker
  int exit_code = 0;   // of exit_code
  double minutes = 0;  // of the timeouts, 0 where not said
};

/// Reads what GitHub Actions prints around the output of steps: raw logs ("##[group]Run ...") and logs copied from the
/// page ("Run ..." with indented script and env).
class GithubFrame {
public:
  enum class Took { nothing, line, step_begins, error, post_begins };
  Took read(const LogLine& line);
  /// Every line's stamp, also of lines that are not read: a log with stamps has lines that continue others without.
  void see_stamp(std::string_view stamp) {
    if (!stamp.empty()) stamped_ = framed_ = true;
  }
  bool open() const { return part_ != Part::outside || page_title_.has_value(); }
  bool framed() const { return framed_; }
  const JobIdentity& job() const { return job_; }
  const StepHeader& header() const { return header_; }  // grows until its block is closed
  const FrameError& error() const { return error_; }    // the one just taken
  bool finished() const { return finished_; }           // the runner's own end of the job was seen

private:
  enum class Part { outside, inputs, script, with, env };
  Took read_outside(const LogLine& line);
  bool read_identity(const LogLine& line);
  void read_command(std::string_view command, const Origin& origin);
  Took begin_step(std::string_view title, const LogLine& line, bool raw);
  bool read_header(const LogLine& line);
  void close_header();
  void read_key_value(std::string_view text, const LogLine& line, std::map<std::string, Sourced<std::string>>& into);
  std::optional<Took> read_page_title(const LogLine& line);
  Took take_error(std::string_view text, const LogLine& line);

  Part part_ = Part::outside;
  bool raw_ = true;  // form of the header being read
  bool framed_ = false;
  bool finished_ = false;
  bool stamped_ = false;
  std::optional<KeptLine> page_title_;  // "Run X": a step only if the next line repeats X
  int header_lines_ = 0;
  std::string last_key_;
  JobIdentity job_;
  StepHeader header_;
  FrameError error_;
};

/// Whether the text is one of the runner's own complaints: container, checkout, disk, installation, lost runner.
bool speaks_of_runner(std::string_view text);

}  // namespace ndr
