// Throughput of the daemon's way of reading a run's output.
//   scan_bench make LOG BYTES PATTERNS_FILE   writes a log, and the shipped patterns in the syntax of rg; {rules}
//   scan_bench scan LOG                       LogTailer and SignalMatcher over it; {seconds, signals, matching_lines};
//                                             matching_lines is what `rg -c -a -f PATTERNS_FILE LOG` counts
#include <fcntl.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <set>
#include <string>
#include <system_error>

#include "analyzer/evidence/signal_matcher.hpp"
#include "supervisor/run/log_tailer.hpp"
#include "tests/bench/run_log.hpp"

namespace {

namespace asio = boost::asio;
using namespace ndr;

// Rust's regex syntax: an escape before a letter or digit would mean something.
std::string quoted(const std::string& literal) {
  std::string pattern;
  for (const char c : literal) {
    if (std::strchr("\\.+*?()|[]{}^$#&-~", c) != nullptr) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

int make(const char* log_file, std::uint64_t bytes, const char* patterns_file) {
  std::ofstream patterns{patterns_file};
  // Bytes, as the matcher has it; rg is slower with the Unicode meaning of \d and \w.
  for (const SignalRule& rule : builtin_signal_rules())
    patterns << "(?-u:" << (rule.literal ? quoted(rule.pattern) : rule.pattern) << ")\n";
  std::ofstream log{log_file, std::ios::binary};
  bench::RunLog lines{20260423};
  std::string block;
  for (std::uint64_t written = 0; written < bytes && log; written += block.size()) {
    block.clear();
    while (block.size() < (1 << 20) && written + block.size() < bytes)
      lines.append_line(block);
    log << block;
  }
  log.close();
  patterns.close();
  if (!log || !patterns) throw std::system_error{errno, std::generic_category(), "write the log"};
  std::printf("{\"rules\": %zu, \"lines\": %llu}\n", builtin_signal_rules().size(),
              static_cast<unsigned long long>(lines.lines()));
  return 0;
}

struct Seen {
  std::uint64_t signals = 0;
  std::uint64_t matching_lines = 0;
  std::uint64_t last_line = ~0ull;

  void take(std::vector<LogSignal>& found) {
    for (const LogSignal& signal : found) {
      ++signals;
      matching_lines += signal.offset != last_line ? 1 : 0;
      last_line = signal.offset;
    }
    found.clear();
  }
};

asio::awaitable<void> scan_all(LogTailer& tailer, SignalMatcher& matcher, Seen& seen) {
  std::vector<LogSignal> found;
  for (;;) {
    const std::string_view chunk = co_await tailer.next_chunk();
    if (chunk.empty()) break;
    matcher.feed(chunk, found);
    seen.take(found);
  }
  matcher.finish(found);
  seen.take(found);
}

int scan(const char* log_file) {
  const auto rules = SignalRuleSet::compile(builtin_signal_rules()).value();
  asio::io_context io;
  LogWatch watch{io.get_executor()};
  UniqueFd log{::open(log_file, O_RDONLY | O_CLOEXEC)};
  if (!log) throw std::system_error{errno, std::generic_category(), std::string{"open "} + log_file};
  const auto begin = std::chrono::steady_clock::now();
  LogTailer tailer{io.get_executor(), watch, std::move(log), log_file, 0};
  SignalMatcher matcher{rules};
  Seen seen;
  tailer.finish();
  std::exception_ptr failure;
  asio::co_spawn(io, scan_all(tailer, matcher, seen), [&](std::exception_ptr error) {
    failure = error;
    io.stop();
  });
  io.run();
  if (failure) std::rethrow_exception(failure);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("{\"seconds\": %.6f, \"gb_per_s\": %.3f, \"signals\": %llu, \"matching_lines\": %llu}\n", seconds,
              static_cast<double>(tailer.offset()) / seconds / 1e9, static_cast<unsigned long long>(seen.signals),
              static_cast<unsigned long long>(seen.matching_lines));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 5 && std::strcmp(argv[1], "make") == 0)
      return make(argv[2], std::strtoull(argv[3], nullptr, 10), argv[4]);
    if (argc == 3 && std::strcmp(argv[1], "scan") == 0) return scan(argv[2]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "scan_bench: %s\n", error.what());
    return 1;
  }
  std::fprintf(stderr, "usage: scan_bench make LOG BYTES PATTERNS_FILE | scan_bench scan LOG\n");
  return 2;
}
