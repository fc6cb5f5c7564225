// How soon a written line is known: detect_bench LINES. One writer appends lines to a log as a run does, one in ten of
// them an alarm; they are found by the daemon's LogTailer and SignalMatcher with all shipped rules, and by
// `tail -F LOG | grep --line-buffered -F ALARM`, in turn, each on the same stream. Prints JSON:
// {own,peer}_{p50,p99}_us, from just before the write to the moment at which the finder's owner has the line.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "analyzer/evidence/signal_matcher.hpp"
#include "supervisor/run/log_tailer.hpp"
#include "tests/bench/run_log.hpp"
#include "tests/support/temp_folder.hpp"

namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace ndr;

constexpr const char* alarm_text = "Read unexpected run_mailbox value";

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

[[noreturn]] void fail(const std::string& what) { throw std::system_error{errno, std::generic_category(), what}; }

/// The moments of writing, shared with the writer.
class Times {
public:
  explicit Times(std::size_t count) : size_(count * sizeof(std::int64_t)) {
    void* memory = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail("mmap");
    written_ = static_cast<std::int64_t*>(memory);
  }
  ~Times() { ::munmap(written_, size_); }
  Times(const Times&) = delete;
  Times& operator=(const Times&) = delete;
  std::int64_t& operator[](std::size_t alarm) { return written_[alarm]; }

private:
  std::size_t size_;
  std::int64_t* written_;
};

/// A process that appends the stream to `log`, a line every two milliseconds, and ends.
class Writer {
public:
  Writer(const fs::path& log, std::size_t alarms, Times& times) : pid_(::fork()) {
    if (pid_ < 0) fail("fork");
    if (pid_ == 0) write_stream(log, alarms, times);
  }
  ~Writer() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

private:
  [[noreturn]] static void write_stream(const fs::path& log, std::size_t alarms, Times& times) {
    const int fd = ::open(log.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    bench::RunLog lines{20260423};
    ::usleep(300000);  // tail and grep have to be up; they tell nobody
    for (std::size_t alarm = 0; alarm < alarms; ++alarm) {
      for (int quiet = 0; quiet < 9; ++quiet) {
        std::string line;
        lines.append_line(line);
        if (line.find(alarm_text) != std::string::npos) continue;
        put(fd, line);
      }
      const std::string line =
          std::string{alarm_text} + ": 0x40 (expected 0x80 or 0x0) #" + std::to_string(alarm) + "\n";
      times[alarm] = now_ns();
      put(fd, line);
    }
    ::_exit(0);
  }
  static void put(int fd, const std::string& line) {
    if (::write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(1);
    ::usleep(2000);
  }

  pid_t pid_;
};

fs::path new_log(const TempFolder& folder, const char* name) {
  const fs::path log = folder / name;
  const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) fail("create " + log.string());
  ::close(fd);
  return log;
}

/// Delays in microseconds, of each alarm that was seen once.
class Delays {
public:
  Delays(std::size_t alarms, Times& times) : seen_us_(alarms, -1), times_(times) {}

  /// `line` is one that the finder gave, now.
  void take(const std::string& line) {
    if (line.find(alarm_text) == std::string::npos) return;
    const auto number = line.rfind('#');
    const std::size_t alarm = std::stoul(line.substr(number + 1));
    if (alarm >= seen_us_.size() || seen_us_[alarm] >= 0) throw std::runtime_error{"not an alarm of ours: " + line};
    seen_us_[alarm] = static_cast<double>(now_ns() - times_[alarm]) / 1000;
    ++count_;
  }
  bool complete() const { return count_ == seen_us_.size(); }
  double share(double part) const {
    std::vector<double> ordered = seen_us_;
    std::sort(ordered.begin(), ordered.end());
    return ordered[std::min(ordered.size() - 1, static_cast<std::size_t>(part * static_cast<double>(ordered.size())))];
  }

private:
  std::vector<double> seen_us_;
  std::size_t count_ = 0;
  Times& times_;
};

asio::awaitable<void> find_all(LogTailer& tailer, SignalMatcher& matcher, Delays& delays) {
  std::vector<LogSignal> found;
  while (!delays.complete()) {
    const std::string_view chunk = co_await tailer.next_chunk();
    matcher.feed(chunk, found);
    for (const LogSignal& signal : found)
      delays.take(signal.line);
    found.clear();
  }
}

void find_ourselves(const fs::path& log, Delays& delays) {
  asio::io_context io{1};
  LogWatch watch{io.get_executor()};
  LogTailer tailer{io.get_executor(), watch, UniqueFd{::open(log.c_str(), O_RDONLY | O_CLOEXEC)}, log, 0};
  SignalMatcher matcher{SignalRuleSet::compile(builtin_signal_rules()).value()};
  std::exception_ptr failure;
  asio::co_spawn(io, find_all(tailer, matcher, delays), [&](std::exception_ptr error) {
    failure = error;
    io.stop();
  });
  io.run();
  if (failure) std::rethrow_exception(failure);
}

void find_by_grep(const fs::path& log, Delays& delays) {
  int ends[2];
  if (::pipe(ends) != 0) fail("pipe");
  const pid_t group = ::fork();
  if (group < 0) fail("fork");
  if (group == 0) {
    ::setpgid(0, 0);
    ::dup2(ends[1], 1);
    ::close(ends[0]);
    ::close(ends[1]);
    const std::string command =
        "tail -n +1 -F " + log.string() + " 2>/dev/null | grep --line-buffered -F '" + alarm_text + "'";
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string lines;
  char piece[4096];
  while (!delays.complete()) {
    const ssize_t got = ::read(ends[0], piece, sizeof piece);
    if (got <= 0) throw std::runtime_error{"tail and grep ended early"};
    lines.append(piece, static_cast<std::size_t>(got));
    for (std::size_t end = lines.find('\n'); end != std::string::npos; end = lines.find('\n')) {
      delays.take(lines.substr(0, end));
      lines.erase(0, end + 1);
    }
  }
  ::kill(-group, SIGKILL);
  ::close(ends[0]);
  while (::waitpid(group, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void report(const char* name, const Delays& delays, const char* end) {
  std::printf("\"%s_p50_us\": %.1f, \"%s_p99_us\": %.1f%s", name, delays.share(0.5), name, delays.share(0.99), end);
}

}  // namespace

int main(int argc, char** argv) try {
  const long alarms = argc == 2 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (alarms < 1) throw std::runtime_error{"usage: detect_bench LINES"};
  const auto count = static_cast<std::size_t>(alarms);
  const TempFolder folder;
  Times times{count};
  Delays own{count, times}, peer{count, times};
  {
    const fs::path log = new_log(folder, "own.log");
    const Writer writer{log, count, times};
    find_ourselves(log, own);
  }
  {
    const fs::path log = new_log(folder, "peer.log");
    const Writer writer{log, count, times};
    find_by_grep(log, peer);
  }
  std::printf("{");
  report("own", own, ", ");
  report("peer", peer, "}\n");
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "detect_bench: %s\n", error.what());
  return 1;
}
