#include "supervisor/arms/hold/options.hpp"

#include <charconv>
#include <utility>

namespace ndr::hold {
namespace {

constexpr std::string_view help_text =
    R"(ndrepro-hold: runs a command and delays its threads and processes from outside, so that rare races happen.

  ndrepro-hold [OPTION...] -- COMMAND ARG...
  ndrepro-hold --check        whether it can work here: exit status 0, or 1 and one line that says why not

  --breakpoints M   at M random memory accesses of each program of the test the thread that comes first is held
                    (x86-64 only; programs of the system, below /usr, /bin, /sbin, /lib and /opt, are left alone)
  --hold-us H       for 0.2 to 1.8 times H microseconds (default 1500), while all others go on
  --calls CHANCE    hold with this chance (0 to 1) before and after calls by which threads and processes meet
                    (futex, files, sockets, wait, kill), and where threads and processes begin; from the first
                    clone of a process on. Without root the command cannot gain privileges then (no_new_privs).
  --call-us U       for U times the cube of a random fraction, in microseconds (default 1000)
  --seed S          of all draws; without it each run draws others
  --report FOLDER   a file hold-PID for each process that was delayed: where, how often, how long
  --near FILE       breakpoints only in functions whose name contains a line of FILE; in all where none does
  --index FOLDER    keeps there what is decoded of a program, and which accesses are ever reached
  --help

The command finds LSAN_OPTIONS=detect_leaks=0 in its environment: a sanitizer's leak check fails where it is traced.
Debuggers and strace cannot be used within it.

Exit status: the command's own; when a signal ended it, ndrepro-hold dies by the same one (without a core file).
125: bad input, or it cannot trace; 126, 127: the command cannot be run, or is not there.
)";

constexpr std::uint64_t most_breakpoints = 1000;
constexpr std::uint64_t longest_us = 1'000'000;

Refusal bad_word(std::string field, std::string reason) {
  return {std::move(field), std::move(reason), "see ndrepro-hold --help"};
}

bool read_number(const std::string& text, std::uint64_t most, std::uint64_t& number) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end && number <= most;
}

bool read_chance(const std::string& text, double& chance) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, chance);
  return error == std::errc{} && stop == end && chance >= 0 && chance <= 1;
}

std::string* text_option(HoldOptions& options, const std::string& name) {
  if (name == "--report") return &options.report;
  if (name == "--near") return &options.near;
  if (name == "--index") return &options.index;
  return nullptr;
}

std::optional<Refusal> take_option(HoldOptions& options, const std::string& name, const std::string& value) {
  std::uint64_t number = 0;
  if (std::string* text = text_option(options, name)) {
    if (value.empty()) return bad_word(name, "is empty");
    *text = value;
  } else if (name == "--calls") {
    if (!read_chance(value, options.call_chance)) return bad_word(name, "must be a number from 0 to 1");
  } else if (name == "--breakpoints") {
    if (!read_number(value, most_breakpoints, number)) return bad_word(name, "must be a number from 0 to 1000");
    options.breakpoints = static_cast<unsigned>(number);
  } else if (name == "--hold-us" || name == "--call-us") {
    if (!read_number(value, longest_us, number)) return bad_word(name, "must be a number from 0 to 1000000");
    (name == "--hold-us" ? options.hold_us : options.call_us) = static_cast<std::uint32_t>(number);
  } else if (name == "--seed") {
    if (!read_number(value, UINT64_MAX, number)) return bad_word(name, "must be a number below 2^64");
    options.seed = number;
  } else {
    return bad_word(name, "is not an option");
  }
  return std::nullopt;
}

}  // namespace

std::string_view hold_help() { return help_text; }

Checked<HoldOptions> hold_options_from(const std::vector<std::string>& words) {
  HoldOptions options;
  std::size_t at = 0;
  for (; at < words.size() && words[at].starts_with('-'); ++at) {
    const std::string& word = words[at];
    if (word == "--") {
      ++at;
      break;
    }
    if (word == "--help" || word == "-h" || word == "--check") {
      options.task = word == "--check" ? HoldTask::check : HoldTask::help;
      return options;
    }
    if (at + 1 == words.size()) return bad_word(word, "lacks its value");
    if (const auto refusal = take_option(options, word, words[at + 1])) return *refusal;
    ++at;
  }
  options.command.assign(words.begin() + static_cast<std::ptrdiff_t>(at), words.end());
  if (options.command.empty()) return bad_word("COMMAND", "is missing");
#if !defined(__x86_64__)
  if (options.breakpoints > 0)
    return Refusal{"--breakpoints", "are for x86-64 only", "leave them out; --calls works on this machine"};
#endif
  return options;
}

}  // namespace ndr::hold
