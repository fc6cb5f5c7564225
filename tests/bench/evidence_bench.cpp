// Logs of CI and the words that evidence is looked for by, for `ndreprod analyze` and its peer.
//   evidence_bench LOG BYTES PATTERNS_FILE   writes a log as GitHub Actions keeps them, and the trigger words in the
//                                            syntax of rg; {words, lines, test, error_line}: the failure near its end
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <string>
#include <system_error>

#include "analyzer/evidence/formats_trigger.hpp"
#include "tests/bench/run_log.hpp"

namespace {

using namespace ndr;

std::string quoted(const std::string& literal) {
  std::string pattern;
  for (const char c : literal) {
    if (std::strchr("\\.+*?()|[]{}^$#&-~", c) != nullptr) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

std::string pattern_of(const TriggerWord& word) {
  const std::string text = (word.any_case ? "(?i-u:" : "(?-u:") + quoted(word.text) + ")";
  switch (word.place) {
    case TriggerWord::Place::anywhere:
      return text;
    case TriggerWord::Place::line_start:
      return "(?-u:^|Z |[:)\\]] ?)" + text;
    case TriggerWord::Place::after_count:
      return "(?-u:(?:^|Z |[:)\\]] ?|, )[0-9]+)" + text;
    case TriggerWord::Place::after_host:
      return "(?-u:@[^ ]*:[^ ]*)" + text;
    case TriggerWord::Place::after_name:
      return "(?-u:[A-Z0-9_]{3})" + text;
  }
  return text;
}

// Lines as Actions stamps them, ten thousand in a second at most.
class CiLog {
public:
  void append(std::string& out, const std::string& line) {
    char stamp[40];
    const std::uint64_t tick = lines_++;
    std::snprintf(stamp, sizeof stamp, "2026-04-23T%02u:%02u:%02u.%07uZ ", static_cast<unsigned>(tick / 7200000 % 24),
                  static_cast<unsigned>(tick / 120000 % 60), static_cast<unsigned>(tick / 2000 % 60),
                  static_cast<unsigned>(tick % 2000 * 5000));
    out += stamp + line + "\n";
  }
  std::uint64_t lines() const { return lines_; }

private:
  std::uint64_t lines_ = 0;
};

constexpr const char* failing_test = "tests/pipe/test_drain.py::test_drain[depth=4]";

const char* const head[] = {"Runner name: 'bench-1'",
                            "Job defined at: acme/pipes/.github/workflows/pipes.yaml@refs/heads/main (1234567)",
                            "Complete job name: pipes / drain N150",
                            "##[group]Run pytest -v tests/pipe",
                            "pytest -v tests/pipe",
                            "shell: bash --noprofile --norc -e -o pipefail {0}",
                            "env:",
                            "  ARCH_NAME: wormhole_b0",
                            "##[endgroup]",
                            "============================= test session starts ==============================",
                            "collected 40000 items"};
const char* const tail[] = {"=================================== FAILURES ===================================",
                            "____________________________ test_drain[depth=4] _______________________________",
                            "",
                            "    def test_drain(depth):",
                            ">       assert pipe.drain() == depth",
                            "E       AssertionError: drained 3 of 4",
                            "",
                            "tests/pipe/test_drain.py:21: AssertionError",
                            "=========================== short test summary info ============================",
                            "FAILED tests/pipe/test_drain.py::test_drain[depth=4] - AssertionError: drained 3 of 4",
                            "================== 1 failed, 39999 passed in 5024.04s (1:23:44) =================",
                            "##[error]Process completed with exit code 1."};

// One line of the mass: mostly device logging, 1 in 100 a verdict of pytest or gtest, 1 in 2000 a frightening word.
std::string idle_line(bench::RunLog& logging, std::uint64_t number) {
  if (number % 200 == 0)
    return "tests/pipe/test_fill.py::test_fill[depth=" + std::to_string(number) + "] PASSED [ " +
           std::to_string(number % 100) + "%]";
  if (number % 200 == 50) return "[ RUN      ] Pipes.Fill" + std::to_string(number);
  if (number % 200 == 51) return "[       OK ] Pipes.Fill" + std::to_string(number - 1) + " (3 ms)";
  if (number % 2000 == 7) return "fill: warning: failed to take the fast path, timeout=5, retrying";
  if (number % 2000 == 1007) return "fill: no error: 0 of 12 expected exceptions left";
  std::string line;
  logging.append_logging(line);
  return line;
}

int make(const char* log_file, std::uint64_t bytes, const char* patterns_file) {
  std::ofstream patterns{patterns_file};
  for (const TriggerWord& word : trigger_words())
    patterns << pattern_of(word) << '\n';
  std::ofstream log{log_file, std::ios::binary};
  bench::RunLog logging{20260423};
  CiLog ci;
  std::string block;
  for (const char* line : head)
    ci.append(block, line);
  std::uint64_t written = 0;
  for (std::uint64_t number = 1; written + block.size() < bytes && log; ++number) {
    ci.append(block, idle_line(logging, number));
    if (block.size() < (1 << 20)) continue;
    log << block;
    written += block.size();
    block.clear();
  }
  ci.append(block, std::string{failing_test} + " FAILED [ 99%]");
  std::uint64_t error_line = 0;
  for (const char* line : tail) {
    ci.append(block, line);
    if (std::strncmp(line, "E  ", 3) == 0) error_line = ci.lines();
  }
  log << block;
  log.close();
  patterns.close();
  if (!log || !patterns) throw std::system_error{errno, std::generic_category(), "write the log"};
  std::printf("{\"words\": %zu, \"lines\": %llu, \"test\": \"%s\", \"error_line\": %llu}\n", trigger_words().size(),
              static_cast<unsigned long long>(ci.lines()), failing_test, static_cast<unsigned long long>(error_line));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc == 4) return make(argv[1], std::strtoull(argv[2], nullptr, 10), argv[3]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "evidence_bench: %s\n", error.what());
    return 1;
  }
  std::fprintf(stderr, "usage: evidence_bench LOG BYTES PATTERNS_FILE\n");
  return 2;
}
