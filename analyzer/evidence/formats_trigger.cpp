#include "analyzer/evidence/formats_trigger.hpp"

#include <hs/hs.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "analyzer/evidence/settings.hpp"

namespace ndr {
namespace {

constexpr unsigned progress_id = 1;
constexpr unsigned full_id = 2;

// The progress of tests that pass: seen on most lines of a healthy log.
constexpr std::string_view progress_patterns[] = {
    "\\.py::", "PASSED", "SKIPPED", "XFAIL", "XPASS", "\\[ RUN      \\]", "\\[       OK \\]", "\\.py [.sxXR]+",
};

constexpr std::string_view full_patterns[] = {
    // frame
    "^##\\[",
    "^Runner name: ",
    "^Complete job name: ",
    "^Job defined at: ",
    "^Uses: ",
    "^HEAD is now at ",
    "^\\[command\\]",
    "^Error: ",
    "^Run ",
    "^Post job cleanup",
    "^Cleaning up orphan",
    // settings and commands
    "[A-Z][A-Z0-9_]{2,}=",
    "^\\+ ",
    "^(\\([^)]{1,40}\\) )?[\\w.-]{1,60}@[\\w.-]{1,60}:[^ ]{0,200}[$#] ",
    "Exception ignored in",
    "trying again",
    "[Rr]etrying",
    "^\\$ ",
    "(WH|BH|GS) devices",
    "arch[ =:]+(wormhole|blackhole|grayskull)",
    "Current kernel: ",
    // pytest
    "^==",
    "^_",
    "FAILED",
    "ERROR",
    "RERUN",
    "\\.py [.sxXR]*[FE]",
    "^[0-9]+ (passed|failed|error|skipped)",
    "crashed while running",
    "ImportError while loading conftest",
    "\\| (critical|error|fatal|CRITICAL|ERROR) +\\|",
    "^\\+\\+\\+",
    // gtest
    "\\[  FAILED  \\]",
    "\\[  SKIPPED \\]",
    "\\[==========\\]",
    ": Failure",
    // deaths
    "terminate called",
    "libc\\+\\+abi: terminating",
    "what\\(\\):  ",
    "Fatal Python error",
    "\\] Signal: ",
    ": Assertion `",
    "Sanitizer",
    ": runtime error: ",
    "Segmentation fault",
    "Aborted",
    "Bus error",
    "Floating point exception",
    "Illegal instruction",
    "Killed",
    "Terminated",
    "Trace/breakpoint trap",
    "noticed that process rank",
    "exited on signal",
    // Python, tt-metal, ctest
    "Traceback \\(most recent call last\\)",
    "TT_(THROW|FATAL|ASSERT)",
    "tripped an assert",
    "\\*\\*\\*Timeout",
    "Fabric Router Sync",
    "waiting for physical cores",
};

constexpr std::string_view weak_words[] = {
    "error:",
    "error response",
    "fatal:",
    "exception:",
    "command not found",
    "no such file or directory",
    "permission denied",
    "failed to ",
    "errno ",
};

std::string escaped(std::string_view words) {
  std::string pattern;
  for (const char c : words) {
    if (std::string_view{"\\^$.|?*+()[]{}"}.find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

struct Patterns {
  std::vector<std::string> texts;
  std::vector<unsigned> flags;
  std::vector<unsigned> ids;
  void add(std::string text, unsigned id, unsigned extra = 0) {
    texts.push_back(std::move(text));
    flags.push_back(HS_FLAG_SINGLEMATCH | extra);
    ids.push_back(id);
  }
};

Patterns all_patterns() {
  Patterns patterns;
  for (const auto pattern : progress_patterns)
    patterns.add(std::string{pattern}, progress_id);
  for (const auto pattern : full_patterns)
    patterns.add(std::string{pattern}, full_id);
  for (const auto words : weak_words)
    patterns.add(escaped(words), full_id, HS_FLAG_CASELESS);
  for (const auto words : message_words())
    patterns.add(escaped(words), full_id, HS_FLAG_CASELESS);
  for (const auto words : size_words())
    patterns.add(escaped(words), full_id);
  for (const auto words : runner_words())
    patterns.add(escaped(words), full_id);
  for (const auto words : heap_check_words())
    patterns.add(escaped(words), full_id);
  return patterns;
}

hs_database_t* compile() {
  const Patterns patterns = all_patterns();
  std::vector<const char*> texts;
  for (const std::string& text : patterns.texts)
    texts.push_back(text.c_str());
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  const auto status = hs_compile_multi(texts.data(), patterns.flags.data(), patterns.ids.data(),
                                       static_cast<unsigned>(texts.size()), HS_MODE_BLOCK, nullptr, &database, &error);
  if (status == HS_SUCCESS) return database;
  const std::string reason = error == nullptr ? "unknown" : error->message;
  hs_free_compile_error(error);
  throw std::runtime_error{"compile the words of the log formats: " + reason};
}

// Compiled once and kept for the life of the process.
const hs_database_t* database() {
  static const hs_database_t* const compiled = compile();
  return compiled;
}

int on_match(unsigned id, unsigned long long, unsigned long long, unsigned, void* context) {
  auto& found = *static_cast<Interest*>(context);
  found = id == full_id ? Interest::full : Interest::progress;
  return found == Interest::full ? 1 : 0;
}

}  // namespace

struct LineTrigger::Scratch {
  Scratch() {
    if (hs_alloc_scratch(database(), &memory) != HS_SUCCESS) throw std::bad_alloc{};
  }
  ~Scratch() { hs_free_scratch(memory); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  hs_scratch_t* memory = nullptr;
};

LineTrigger::LineTrigger() : scratch_(std::make_unique<Scratch>()) {}
LineTrigger::~LineTrigger() = default;
LineTrigger::LineTrigger(LineTrigger&&) noexcept = default;
LineTrigger& LineTrigger::operator=(LineTrigger&&) noexcept = default;

Interest LineTrigger::interest(std::string_view text) const {
  Interest found = Interest::none;
  if (text.empty()) return found;
  const auto status =
      hs_scan(database(), text.data(), static_cast<unsigned>(text.size()), 0, scratch_->memory, on_match, &found);
  if (status != HS_SUCCESS && status != HS_SCAN_TERMINATED) throw std::runtime_error{"scan a log line"};
  return found;
}

}  // namespace ndr
