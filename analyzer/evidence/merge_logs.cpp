#include "analyzer/evidence/merge_logs.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_conflicts = 200;

using TextField = std::pair<const char*, MaybeSourced<std::string> Evidence::*>;

// What several logs of one failure should agree on: a log that lacks one may take it from another.
constexpr std::array<TextField, 11> shared_fields{{{"test_id", &Evidence::test_id},
                                                   {"test_file", &Evidence::test_file},
                                                   {"command", &Evidence::command},
                                                   {"arch", &Evidence::arch},
                                                   {"board", &Evidence::board},
                                                   {"workflow", &Evidence::workflow},
                                                   {"job", &Evidence::job},
                                                   {"exception", &Evidence::exception},
                                                   {"throw_location", &Evidence::throw_location},
                                                   {"container_image", &Evidence::container_image},
                                                   {"revision", &Evidence::revision}}};

void add_conflict(Evidence& evidence, std::string field, Sourced<std::string> kept, Sourced<std::string> other) {
  if (evidence.conflicts.size() < most_conflicts)
    evidence.conflicts.push_back({std::move(field), std::move(kept), std::move(other)});
}

Sourced<std::string> in_words(const Sourced<std::string>& value) { return value; }
Sourced<std::string> in_words(const Sourced<double>& value) { return {decimal_text(value.value), value.origin}; }

template <class Value>
void take_missing(Evidence& into, const std::string& name, std::map<std::string, Sourced<Value>> Evidence::*field,
                  const Evidence& from) {
  for (const auto& [key, value] : from.*field) {
    const auto [kept, is_new] = (into.*field).emplace(key, value);
    if (!is_new && kept->second.value != value.value)
      add_conflict(into, std::string{name}.append(".").append(key), in_words(kept->second), in_words(value));
  }
}

void take_missing(Evidence& into, const Evidence& from) {
  for (const auto& [name, field] : shared_fields) {
    if (!(from.*field)) continue;
    if (!(into.*field))
      into.*field = from.*field;
    else if ((into.*field)->value != (from.*field)->value)
      add_conflict(into, name, *(into.*field), *(from.*field));
  }
  take_missing(into, "env", &Evidence::environment, from);
  take_missing(into, "timeouts", &Evidence::timeouts, from);
  take_missing(into, "settings", &Evidence::settings, from);
  if (!into.test_line) into.test_line = from.test_line;
  if (!into.failing_statement) into.failing_statement = from.failing_statement;
}

// A log without any frame or name of a job may be the job's other output: a console, a watcher's log.
bool is_companion(const Evidence& evidence) { return !evidence.job && !evidence.workflow; }

bool of_one_job(const Evidence& a, const Evidence& b) {
  return (a.job && b.job && a.job->value == b.job->value) || is_companion(a) || is_companion(b);
}

bool earlier_log(const Evidence& a, const Evidence& b) {
  return a.failed_at && b.failed_at && a.failed_at->value < b.failed_at->value;
}

// Which of the failing logs show the failure that most of them show.
std::vector<std::size_t> largest_group(const std::vector<Evidence>& read, const std::vector<Signature>& signatures) {
  constexpr std::size_t most_compared = 100;  // all with all
  std::vector<std::size_t> largest;
  std::size_t compared = 0;
  for (std::size_t i = 0; i < read.size(); ++i) {
    if (!read[i].is_failure || compared++ >= most_compared) continue;
    std::vector<std::size_t> group;
    for (std::size_t j = 0; j < read.size(); ++j) {
      if (read[j].is_failure && (i == j || match(signatures[i], signatures[j]).counts())) group.push_back(j);
    }
    const bool sooner = group.size() == largest.size() && earlier_log(read[i], read[largest.front()]);
    if (group.size() > largest.size() || sooner) largest = std::move(group);
  }
  return largest;
}

std::vector<LogOutcome> outcomes_of(const std::vector<Evidence>& read, const std::vector<std::uint32_t>& files,
                                    const std::vector<std::size_t>& group) {
  std::vector<LogOutcome> outcomes;
  for (std::size_t i = 0; i < read.size(); ++i) {
    const Evidence& log = read[i];
    const bool same = std::find(group.begin(), group.end(), i) != group.end();
    outcomes.push_back({files[i], log.is_failure, same, log.failure_type, log.job, log.test_id, log.error_line,
                        log.failed_at, log.cut_off});
  }
  return outcomes;
}

// Of logs that all pass: the last that ran a test.
std::size_t last_with_command(const std::vector<Evidence>& read) {
  for (std::size_t i = read.size(); i > 0; --i) {
    if (read[i - 1].command) return i - 1;
  }
  return read.size() - 1;
}

// The watcher's own log knows the kernel of an assert that the other output only reports.
void take_watcher_places(std::vector<Evidence>& read) {
  for (const Evidence& watcher : read) {
    const bool tripped = watcher.error_line && contains(watcher.error_line->value, "tripped an assert");
    if (!tripped || watcher.test_id || watcher.job || !watcher.throw_location) continue;
    for (Evidence& other : read) {
      const bool same = &other != &watcher && other.error_line && other.error_line->value == watcher.error_line->value;
      if (same) other.throw_location = watcher.throw_location;
    }
  }
}

}  // namespace

Extraction merge_logs(std::vector<JobEvidence> jobs) {
  if (jobs.empty()) return {};
  std::vector<Evidence> read;
  std::vector<std::uint32_t> files;
  for (JobEvidence& job : jobs) {
    read.push_back(std::move(job.evidence));
    files.push_back(job.file);
  }
  take_watcher_places(read);
  std::vector<Signature> signatures;
  std::transform(read.begin(), read.end(), std::back_inserter(signatures), signature_of);
  const std::vector<std::size_t> group = largest_group(read, signatures);
  std::vector<LogOutcome> logs = outcomes_of(read, files, group);
  const std::size_t speaker = group.empty() ? last_with_command(read) : group.front();
  Extraction extraction{read[speaker], signatures[speaker]};
  for (std::size_t i = 0; i < read.size(); ++i) {
    const bool same = std::find(group.begin(), group.end(), i) != group.end();
    if (i != speaker && (same || of_one_job(read[speaker], read[i]))) take_missing(extraction.evidence, read[i]);
  }
  for (const Evidence& log : read) {
    const bool other = log.is_failure && log.error_line && read[speaker].error_line &&
                       std::none_of(group.begin(), group.end(), [&](std::size_t i) { return &read[i] == &log; });
    if (other) add_conflict(extraction.evidence, "error_line", *read[speaker].error_line, *log.error_line);
  }
  std::vector<Signature> shown;
  shown.reserve(group.size());
  for (const std::size_t i : group)
    shown.push_back(signatures[i]);
  if (!shown.empty()) extraction.signature = common_signature(shown);
  for (const Evidence& log : read)
    extraction.evidence.shows_tests = extraction.evidence.shows_tests || log.shows_tests;
  extraction.evidence.logs = std::move(logs);
  return extraction;
}

}  // namespace ndr
