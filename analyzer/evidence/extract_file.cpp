#include "analyzer/evidence/extract_file.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "analyzer/assert.hpp"
#include "analyzer/evidence/formats_command.hpp"
#include "analyzer/utf8.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_steps = 200;
constexpr std::size_t most_jobs = 1000;
constexpr std::size_t most_other_failures = 20;

constexpr std::size_t block_size = std::size_t{64} * 1024;  // stays in the processor's cache while it is looked through

// The lines at the front of `text` that end in it.
std::string_view whole_lines(std::string_view text) {
  const void* last = text.empty() ? nullptr : ::memrchr(text.data(), '\n', text.size());
  return text.substr(0,
                     last == nullptr ? 0 : static_cast<std::size_t>(static_cast<const char*>(last) - text.data()) + 1);
}

// The stamp of the last line that has one; a CR too begins what may have a stamp of its own.
std::string_view last_stamp_in(std::string_view lines) {
  while (!lines.empty()) {
    lines.remove_suffix(1);
    const std::size_t begin = whole_lines(lines).size();
    std::string_view line = lines.substr(begin);
    std::string_view stamp;
    for (std::size_t end = line.find('\r'); !line.empty(); end = line.find('\r')) {
      const std::string_view found = split_stamp(line.substr(0, end)).stamp;
      if (!found.empty()) stamp = found;
      line.remove_prefix(std::min(end, line.size() - 1) + 1);
    }
    if (!stamp.empty()) return stamp;
    lines = lines.substr(0, begin);
  }
  return {};
}

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
  while (!bytes.empty()) {
    // The first line may begin with a byte order mark. Where each line names its job, each line counts.
    const bool at_block = prefilter_ && !names_jobs_ && splitter_.between_lines() && splitter_.number() > 1;
    std::size_t taken = at_block ? read_block(bytes) : 0;
    if (taken == 0) {
      taken = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
      const auto take_line = [this](auto raw, auto number, auto offset) { take_raw(raw, number, offset, {}); };
      splitter_.feed(bytes.substr(0, taken), take_line);
    }
    bytes.remove_prefix(taken);
  }
}

void FileReader::skip_hole(std::uint64_t bytes) {
  splitter_.skip_hole(bytes, [this](auto raw, auto number, auto offset) { take_raw(raw, number, offset, {}); });
}

// Reads the whole lines at the front of `bytes`, of which it returns the size.
std::size_t FileReader::read_block(std::string_view bytes) {
  const std::string_view block = whole_lines(bytes.substr(0, block_size));
  trigger_.scan(block, hits_);
  auto hit = hits_.begin();
  for (std::size_t at = 0; at < block.size();) {
    while (hit != hits_.end() && hit->at < at)
      ++hit;
    if (!open()) {
      const std::size_t next =
          hit == hits_.end() ? block.size() : at + whole_lines(block.substr(at, hit->at - at)).size();
      skip(block.substr(at, next - at));
      at = next;
      if (at == block.size()) break;
    }
    const std::size_t end = block.find('\n', at) + 1;
    Interest interest = Interest::none;
    for (; hit != hits_.end() && hit->at < end; ++hit)
      interest = std::max(interest, hit->interest);
    const auto take_line = [&](auto raw, auto number, auto offset) { take_raw(raw, number, offset, interest); };
    splitter_.feed(block.substr(at, end - at), take_line);
    at = end;
  }
  return block.size();
}

// What lines that mean nothing still tell: that the log has stamps, and when the last of them was printed.
void FileReader::skip(std::string_view lines) {
  const std::string_view stamp = last_stamp_in(lines);
  frame_.see_stamp(stamp);
  if (!stamp.empty()) last_stamp_.assign(stamp);
  splitter_.skip(lines);
}

// `known`: what the search of the block has found for the line; nothing: it is searched here.
void FileReader::take_raw(std::string_view raw, std::uint64_t number, std::uint64_t offset,
                          std::optional<Interest> known) {
  if (number == 1 && raw.starts_with("\xef\xbb\xbf")) raw.remove_prefix(3);
  const StampedText stamped = split_stamp(raw);
  if (number == 1) names_jobs_ = !stamped.job.empty();
  if (names_jobs_ && !stamped.job.empty() && stamped.job != job_name_)
    begin_job(stamped.job, Origin{file_index_, number, offset});
  if (too_many_jobs_) return;
  const std::string_view clean = strip_ansi(stamped.text, clean_);
  const PrefixedText prefixed = split_process_prefix(clean);
  const LogLine line{prefixed.text, stamped.stamp, prefixed.prefix, Origin{file_index_, number, offset}};
  frame_.see_stamp(stamped.stamp);
  Interest interest = Interest::full;
  if (prefilter_ && !open()) interest = known ? *known : trigger_.interest(line.text);
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
    other_failures_.clear();
  }
  last_tests_ = std::exchange(step_, std::make_unique<StepReader>());
}

// "Waiting 12 seconds before trying again", below an action's error.
void FileReader::forget_retried_error() {
  if (step_->tries_again() && end_ && end_->kind == FrameError::Kind::infra) {
    failed_step_.reset();
    end_.reset();
  }
}

// A step without tests that failed, or an action that said an error (a download that is tried again), has not ended the
// job where tests ran after it.
void FileReader::forget_overcome_error() {
  if (!end_ || !step_->ran_tests()) return;
  const bool tentative = end_->kind == FrameError::Kind::infra || end_->kind == FrameError::Kind::annotation;
  const bool prepared = step_->ran_a_test() && end_->kind == FrameError::Kind::exit_code && failed_step_ &&
                        !failed_step_->ran_tests() && failed_step_->test_commands().empty();
  if (!tentative && !prepared) return;
  failed_step_.reset();
  end_.reset();
}

void FileReader::take_error() {
  const FrameError& error = frame_.error();
  if (header_pending_) step_->set_header(frame_.header());
  header_pending_ = false;
  forget_overcome_error();
  if (!ends_step(error, *step_)) return;
  if (end_) return note_other_failure(error);
  end_ = error;
  silent_s_ = seconds_between(last_stamp_, error.seen.stamp);
  step_->finish();
  failed_step_ = std::exchange(step_, std::make_unique<StepReader>());
}

// Tests of a later step failed too: the first may have been allowed to (continue-on-error), which no log says.
void FileReader::note_other_failure(const FrameError& error) {
  if (!step_->ran_tests() || !step_->shows_failure()) return;
  step_->finish();
  const auto fault = step_->cause(&error);
  if (fault && fault->error_line && other_failures_.size() < most_other_failures)
    other_failures_.push_back(*fault->error_line);
  step_ = std::make_unique<StepReader>();
}

std::vector<JobOutcome> FileReader::finish() {
  splitter_.finish([this](auto raw, auto number, auto offset) { take_raw(raw, number, offset, {}); });
  jobs_.push_back(finish_job());
  return std::move(jobs_);
}

void FileReader::begin_job(std::string_view name, const Origin& origin) {
  const bool is_first = job_name_.empty();
  job_name_ = name;
  if (!is_first) {
    too_many_jobs_ = jobs_.size() + 1 >= most_jobs;
    if (too_many_jobs_) return;
    jobs_.push_back(finish_job());
    frame_ = {};
    header_pending_ = false;
    step_ = std::make_unique<StepReader>();
    failed_step_.reset();
    last_tests_.reset();
    end_.reset();
    steps_.clear();
    other_failures_.clear();
    last_stamp_.clear();
    silent_s_ = 0;
  }
  job_ = sourced(to_utf8(name), origin);
}

// A command that failed, and said why in words that alone would be no failure: "x.sh: FATAL: the entry is lost".
bool FileReader::failed_by_status(JobOutcome& outcome) const {
  if (exit_status_ == 0 || frame_.framed()) return false;
  FrameError end;
  end.kind = FrameError::Kind::exit_code;
  end.exit_code = exit_status_;
  auto fault = step_->cause(&end);
  if (!fault || !fault->error_line || fault->error_line->value.empty()) return false;
  outcome.is_failure = true;
  outcome.fault = std::move(fault);
  return true;
}

JobOutcome FileReader::finish_job() {
  JobOutcome outcome;
  outcome.job = frame_.job();
  if (!outcome.job.job && !job_.value.empty()) outcome.job.job = job_;
  step_->finish();
  forget_overcome_error();
  const bool complete = frame_.framed() && frame_.finished();
  const bool cut_short = !end_ && !complete && step_->shows_failure();
  outcome.is_failure = end_.has_value() || cut_short;
  outcome.end = end_;
  outcome.silent_s = silent_s_;
  outcome.steps = std::move(steps_);
  if (end_ || cut_short) {
    outcome.step = end_ ? std::move(failed_step_) : std::move(step_);
    outcome.other_failures = std::move(other_failures_);
    outcome.fault = outcome.step->cause(end_ ? &*end_ : nullptr);
    return outcome;
  }
  if (failed_by_status(outcome)) {
    outcome.step = std::move(step_);
    return outcome;
  }
  if (!complete) outcome.cut_off = step_->still_running();
  close_step();
  outcome.step = last_tests_ ? std::move(last_tests_) : std::move(step_);
  return outcome;
}

}  // namespace ndr
