#include "analyzer/evidence/extract_file.hpp"

#include <utility>

#include "analyzer/assert.hpp"
#include "analyzer/evidence/formats_command.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_steps = 200;

std::string script_of(const StepReader& step) {
  std::string script;
  for (const auto& line : step.header().script)
    script += line.value + "\n";
  return script;
}

// Whether the frame's error ended something; annotations of a test's own are notes.
bool ends_step(const FrameError& error, const StepReader& step) {
  if (error.kind == FrameError::Kind::exit_code) return error.exit_code != 0;
  return error.kind != FrameError::Kind::annotation || step.header().is_action;
}

}  // namespace

FileReader::FileReader(std::uint32_t file_index, bool prefilter)
    : file_index_(file_index), prefilter_(prefilter), step_(std::make_unique<StepReader>()) {}

void FileReader::feed(std::string_view bytes) {
  splitter_.feed(bytes, [this](auto raw, auto number, auto offset) { take_raw(raw, number, offset); });
}

void FileReader::take_raw(std::string_view raw, std::uint64_t number, std::uint64_t offset) {
  if (number == 1 && raw.starts_with("\xef\xbb\xbf")) raw.remove_prefix(3);
  const StampedText stamped = split_stamp(raw);
  const std::string_view clean = strip_ansi(stamped.text, clean_);
  const PrefixedText prefixed = split_process_prefix(clean);
  const LogLine line{prefixed.text, stamped.stamp, prefixed.prefix, Origin{file_index_, number, offset}};
  frame_.see_stamp(stamped.stamp);
  const bool open = header_pending_ || frame_.open() || step_->open();
  const Interest interest = prefilter_ && !open ? trigger_.interest(line.text) : Interest::full;
  if (interest == Interest::full) take(line);
  if (interest == Interest::progress) step_->read_progress(line);
  if (!stamped.stamp.empty()) last_stamp_.assign(stamped.stamp);
}

void FileReader::take(const LogLine& line) {
  const GithubFrame::Took took = frame_.read(line);
  if (header_pending_ && !frame_.open()) {
    step_->set_header(frame_.header());
    header_pending_ = false;
  }
  switch (took) {
    case GithubFrame::Took::step_begins:
      close_step();
      step_ = std::make_unique<StepReader>();
      header_pending_ = true;
      return;
    case GithubFrame::Took::post_begins:
      close_step();
      step_ = std::make_unique<StepReader>();
      return;
    case GithubFrame::Took::error:
      return take_error();
    case GithubFrame::Took::line:
      return;
    case GithubFrame::Took::nothing:
      step_->read(line);
      return forget_retried_error();
  }
}

// A failed step that is run again, word for word, and then passes, was only retried.
void FileReader::close_step() {
  NDR_ASSERT(step_ != nullptr);
  if (header_pending_) step_->set_header(frame_.header());
  header_pending_ = false;
  const StepHeader& header = step_->header();
  const bool named = !header.title.empty() && !end_ && steps_.size() < most_steps;
  if (named) steps_.push_back(sourced(header.title, header.seen.origin));
  forget_overcome_error();
  if (!step_->ran_tests() && step_->test_commands().empty()) return;
  const bool retried = failed_step_ && !step_->shows_failure() && step_->ran_tests() && !script_of(*step_).empty() &&
                       script_of(*failed_step_) == script_of(*step_);
  if (retried) {
    failed_step_.reset();
    end_.reset();
  }
  last_tests_ = std::move(step_);
}

// "Waiting 12 seconds before trying again", below an action's error.
void FileReader::forget_retried_error() {
  if (step_->tries_again() && end_ && end_->kind == FrameError::Kind::infra) {
    failed_step_.reset();
    end_.reset();
  }
}

// An action that says an error and goes on (a download that is tried again) has not ended the job: tests ran after it.
void FileReader::forget_overcome_error() {
  if (!end_ || !step_->ran_tests()) return;
  const bool tentative = end_->kind == FrameError::Kind::infra || end_->kind == FrameError::Kind::annotation;
  if (!tentative) return;
  failed_step_.reset();
  end_.reset();
}

void FileReader::take_error() {
  const FrameError& error = frame_.error();
  if (header_pending_) step_->set_header(frame_.header());
  header_pending_ = false;
  forget_overcome_error();
  if (end_ || !ends_step(error, *step_)) return;
  end_ = error;
  silent_s_ = seconds_between(last_stamp_, error.seen.stamp);
  step_->finish();
  failed_step_ = std::exchange(step_, std::make_unique<StepReader>());
}

FileOutcome FileReader::finish() {
  splitter_.finish([this](auto raw, auto number, auto offset) { take_raw(raw, number, offset); });
  FileOutcome outcome;
  outcome.job = frame_.job();
  step_->finish();
  forget_overcome_error();
  const bool complete = frame_.framed() && frame_.finished();
  const bool cut_short = !end_ && !complete && step_->shows_failure();
  outcome.is_failure = end_.has_value() || cut_short;
  outcome.end = end_;
  outcome.silent_s = silent_s_;
  outcome.steps = std::move(steps_);
  if (end_)
    outcome.step = std::move(failed_step_);
  else if (cut_short)
    outcome.step = std::move(step_);
  if (outcome.is_failure) {
    outcome.fault = outcome.step->cause(end_ ? &*end_ : nullptr);
    return outcome;
  }
  close_step();
  outcome.step = last_tests_ ? std::move(last_tests_) : std::move(step_);
  return outcome;
}

}  // namespace ndr
