#include "analyzer/evidence/formats_trigger.hpp"

#include <hs/hs.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <stdexcept>

#include "analyzer/evidence/colourless_text.hpp"
#include "analyzer/evidence/settings.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

using Place = TriggerWord::Place;

// The progress of tests that pass: seen on most lines of a healthy log.
constexpr std::array<std::string_view, 8> progress_words{
    ".py::", ".py ", "PASSED", "SKIPPED", "XFAIL", "XPASS", "[ RUN      ]", "[       OK ]",
};

constexpr std::string_view full_words[] = {
    // pytest
    "FAILED", "ERROR", "RERUN", "no tests ran", "crashed while running", "ImportError while loading conftest",
    // loggers' levels
    "CRITICAL", "| critical", "| fatal", "| error", "critical |", "fatal |", "error |",
    // settings
    "Exception ignored in", "trying again", "etrying", "Current kernel: ", "WH devices", "BH devices", "GS devices",
    "cmd: ", "ommand: ", "Executing: ", "Running: ", "oards: ", "oard: ", "oard type: ", "oard Type: ", " n150 ",
    " n300 ", " p100a ", " p150a ", " p150b ", " p300 ",
    // gtest
    "[  FAILED  ]", "[  SKIPPED ]", "[==========]", ": Failure",
    // deaths
    "terminate called", "libc++abi: terminating", "what():  ", "Fatal Python error", "] Signal: ", ": Assertion `",
    "Sanitizer", ": runtime error: ", "Segmentation fault", "Aborted", "Bus error", "Floating point exception",
    "Floating-point exception", "Floating-point error", "Illegal instruction", "Killed", "Terminated",
    "Trace/breakpoint trap", "SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGKILL", "SIGTERM", "SIGTRAP",
    "signal 4", "signal 5", "signal 6", "signal 7", "signal 8", "signal 9", "signal 11", "signal 15",
    "noticed that process rank", "exited on signal",
    // Python, tt-metal, ctest
    "Traceback (most recent call last)", "TT_THROW", "TT_FATAL", "TT_ASSERT", "tripped an assert", "***Timeout",
    "Fabric Router Sync", "waiting for physical cores"};

constexpr std::string_view line_starts[] = {
    "##[",     "Runner name: ", "Complete job name: ", "Job defined at: ",  "Uses: ", "HEAD is now at ", "[command]",
    "Error: ", "Run ",          "Post job cleanup",    "Cleaning up orphan"};
// Too short to look for without what may stand before them.
constexpr std::string_view short_line_starts[] = {"==", "_", "+ ", "$ ", "+++"};
// What a line's text begins behind: the line before, a piece that CR ended, a time stamp, a process mark.
constexpr std::string_view line_begins[] = {"\n", "\r", "Z ", ":", ": ", ")", ") ", "]", "] "};

constexpr std::string_view prompts[] = {"$ ", "# "};

constexpr std::string_view counted_words[] = {" passed", " failed", " error", " skipped"};

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

std::vector<TriggerWord> all_words() {
  std::vector<TriggerWord> words;
  const auto add = [&](auto&& texts, TriggerWord like) {
    for (const std::string_view text : texts) {
      like.text = text;
      words.push_back(like);
    }
  };
  add(progress_words, {.text = {}, .interest = Interest::progress});
  add(full_words, {});
  add(line_starts, {.text = {}, .place = Place::line_start});
  add(short_line_starts, {.text = {}, .place = Place::line_start});
  add(counted_words, {.text = {}, .place = Place::after_count});
  words.push_back({.text = "=", .place = Place::after_name});
  add(prompts, {.text = {}, .place = Place::after_host});
  for (const char* arch : {"wormhole", "blackhole", "grayskull"}) {
    for (const char* sign : {" ", "=", ":", ": ", " = ", " : "})
      words.push_back({.text = std::string{"arch"}.append(sign).append(arch)});
  }
  add(weak_words, {.text = {}, .any_case = true});
  add(message_words(), {.text = {}, .any_case = true});
  add(size_words(), {});
  add(runner_words(), {});
  add(heap_check_words(), {});
  return words;
}

bool is_name_part(char c) { return (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_'; }

// Whether a line's text may begin at `at`: what takes off stamps and marks decides.
bool may_begin_line(std::string_view text, std::size_t at) {
  if (at == 0) return true;
  constexpr std::string_view marks = ":)]";
  const char before = text[at - 1];
  if (before == '\n' || before == '\r' || contains(marks, {&before, 1})) return true;
  const char earlier = at > 1 ? text[at - 2] : '\0';
  return before == ' ' && (earlier == 'Z' || contains(marks, {&earlier, 1}));
}

// "1 failed, 2 passed": a number at the start of a line, or the next of a list.
bool is_count(std::string_view before) {
  const auto last = before.find_last_not_of("0123456789");
  const std::size_t number = last == std::string_view::npos ? 0 : last + 1;
  if (number == before.size()) return false;
  return may_begin_line(before, number) || before.substr(0, number).ends_with(", ");
}

// "user@host:path"
bool is_prompt(std::string_view before) {
  const std::string_view word = before.substr(before.find_last_of(" \n\r") + 1);
  return contains(after(word, "@").value_or(""), ":");
}

bool stands_at(const TriggerWord& word, std::string_view text, std::size_t at) {
  const std::string_view found = text.substr(at, word.text.size());
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a | 0x20 : a) == b; };
  if (word.any_case ? !std::equal(found.begin(), found.end(), word.text.begin(), word.text.end(), same)
                    : found != word.text)
    return false;
  switch (word.place) {
    case Place::anywhere:
      return true;
    case Place::line_start:
      return may_begin_line(text, at);
    case Place::after_count:
      return is_count(text.substr(0, at));
    case Place::after_host:
      return is_prompt(text.substr(at > 300 ? at - 300 : 0, std::min<std::size_t>(at, 300)));
    case Place::after_name:
      return at > 2 && is_name_part(text[at - 1]) && is_name_part(text[at - 2]) && is_name_part(text[at - 3]);
  }
  return false;
}

// What Vectorscan looks for: a few bytes of a word, which on_match() then compares wholly. With keys of up to 7 bytes
// it needs no second stage of its own and compiles them ten times as fast (5 ms; most logs are scanned in less).
struct Key {
  std::string bytes;
  std::size_t word = 0;
  std::size_t back = 0;  // bytes from the word's start to the key's end
};
constexpr std::size_t longest_key = 7;

// The part of a long word that other text is least likely to hold: the one with the fewest small letters.
std::size_t rarest_part(std::string_view word) {
  std::size_t best = 0;
  std::ptrdiff_t fewest = longest_key + 1;
  for (std::size_t at = 0; at + longest_key <= word.size(); ++at) {
    const std::string_view part = word.substr(at, longest_key);
    const auto small = std::count_if(part.begin(), part.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    if (small >= fewest) continue;
    fewest = small;
    best = at;
  }
  return best;
}

std::vector<Key> all_keys() {
  std::vector<Key> keys;
  const auto& words = trigger_words();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const TriggerWord& word = words[i];
    if (word.place == Place::after_name) {
      for (char c = '0'; c <= '_'; ++c) {
        if (is_name_part(c)) keys.push_back({c + word.text, i, word.text.size()});
      }
    } else if (word.place == Place::line_start && std::find(std::begin(short_line_starts), std::end(short_line_starts),
                                                            word.text) != std::end(short_line_starts)) {
      for (const std::string_view begin : line_begins)
        keys.push_back({std::string{begin} + word.text, i, word.text.size()});
    } else {
      const std::size_t at = rarest_part(word.text);
      std::string part = word.text.substr(at, longest_key);
      const std::size_t back = at + part.size();
      keys.push_back({std::move(part), i, back});
    }
  }
  return keys;
}

struct Compiled {
  std::vector<Key> keys = all_keys();
  hs_database_t* database = nullptr;

  Compiled() {
    std::vector<const char*> texts;
    std::vector<std::size_t> lengths;
    std::vector<unsigned> flags;
    std::vector<unsigned> ids;
    for (const Key& key : keys) {
      texts.push_back(key.bytes.data());
      lengths.push_back(key.bytes.size());
      flags.push_back(trigger_words()[key.word].any_case ? HS_FLAG_CASELESS : 0);
      ids.push_back(static_cast<unsigned>(ids.size()));
    }
    hs_compile_error_t* error = nullptr;
    const auto status =
        hs_compile_lit_multi(texts.data(), flags.data(), ids.data(), lengths.data(),
                             static_cast<unsigned>(texts.size()), HS_MODE_BLOCK, nullptr, &database, &error);
    if (status == HS_SUCCESS) return;
    const std::string reason = error == nullptr ? "unknown" : error->message;
    hs_free_compile_error(error);
    throw std::runtime_error{"compile the words of the log formats: " + reason};
  }
};

// Compiled once and kept for the life of the process.
const Compiled& compiled() {
  static const Compiled all;
  return all;
}

}  // namespace

const std::vector<TriggerWord>& trigger_words() {
  static const std::vector<TriggerWord> words = all_words();
  return words;
}

struct LineTrigger::Scratch {
  Scratch() {
    if (hs_alloc_scratch(compiled().database, &memory) != HS_SUCCESS) throw std::bad_alloc{};
  }
  ~Scratch() { hs_free_scratch(memory); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  static int on_match(unsigned id, unsigned long long, unsigned long long end, unsigned, void* context) {
    auto& scratch = *static_cast<Scratch*>(context);
    const Key& key = compiled().keys[id];
    const TriggerWord& word = trigger_words()[key.word];
    if (end < key.back) return 0;
    const std::size_t at = static_cast<std::size_t>(end) - key.back;
    if (stands_at(word, scratch.scanned, at)) scratch.hits->push_back({at, word.interest});
    return 0;
  }

  void scan(std::string_view text, std::vector<TriggerHit>& into) {
    scanned = text;
    hits = &into;
    const bool starts = std::any_of(std::begin(short_line_starts), std::end(short_line_starts),
                                    [&](auto start) { return text.starts_with(start); });
    if (starts) into.push_back({});
    if (text.empty()) return;
    const auto status = hs_scan(compiled().database, text.data(), static_cast<unsigned>(text.size()), 0, memory,
                                &Scratch::on_match, this);
    if (status != HS_SUCCESS) throw std::runtime_error{"scan a log for the words of its formats"};
  }

  hs_scratch_t* memory = nullptr;
  std::string_view scanned;
  std::vector<TriggerHit>* hits = nullptr;
  std::vector<TriggerHit> of_line;
  ColourlessText colourless;
};

LineTrigger::LineTrigger() : scratch_(std::make_unique<Scratch>()) {}
LineTrigger::~LineTrigger() = default;
LineTrigger::LineTrigger(LineTrigger&&) noexcept = default;
LineTrigger& LineTrigger::operator=(LineTrigger&&) noexcept = default;

Interest LineTrigger::interest(std::string_view line) const {
  std::vector<TriggerHit>& hits = scratch_->of_line;
  hits.clear();
  scratch_->scan(line, hits);
  Interest found = Interest::none;
  for (const TriggerHit& hit : hits)
    found = std::max(found, hit.interest);
  return found;
}

void LineTrigger::scan(std::string_view lines, std::vector<TriggerHit>& hits) {
  hits.clear();
  ColourlessText& plain = scratch_->colourless;
  plain.assign(lines);
  scratch_->scan(plain.text(), hits);
  for (TriggerHit& hit : hits)
    hit.at = plain.raw(hit.at);
  for (const std::size_t at : plain.others())
    hits.push_back({at, Interest::full});
  std::sort(hits.begin(), hits.end(), [](const TriggerHit& a, const TriggerHit& b) { return a.at < b.at; });
}

}  // namespace ndr
