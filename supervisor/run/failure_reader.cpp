#include "supervisor/run/failure_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "analyzer/evidence/extract.hpp"

namespace ndr {
namespace asio = boost::asio;

namespace {

constexpr std::uint64_t whole_limit = 8ull << 20;
constexpr std::uint64_t end_size = 1ull << 20;  // of the head and of the tail
constexpr std::uint64_t before_fault = 64ull << 10;
constexpr std::uint64_t after_fault = 256ull << 10;
constexpr std::size_t fault_limit = 32;
constexpr std::size_t piece_size = 256u << 10;

/// Feeds windows of a log to the extractor as one text and finds the way back from its offsets.
class WindowFeed {
public:
  WindowFeed(int log, EvidenceExtractor& extractor) : log_(log), extractor_(extractor) {}

  void feed(const LogWindow& window) {
    if (fed_ > 0) take("\n");  // a line cut by the gap must not run on in the next window
    starts_.push_back({fed_, window.begin});
    std::string piece(piece_size, '\0');
    for (std::uint64_t at = window.begin; at < window.end;) {
      const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), window.end - at));
      const ssize_t got = ::pread(log_, piece.data(), wanted, static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw std::system_error{errno, std::generic_category(), "read a run's log"};
      if (got == 0) return;  // cut off meanwhile
      take(std::string_view{piece}.substr(0, static_cast<std::size_t>(got)));
      at += static_cast<std::uint64_t>(got);
    }
  }

  std::uint64_t log_offset(std::uint64_t fed_offset) const {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), fed_offset,
                                        [](std::uint64_t offset, const Start& start) { return offset < start.fed; });
    if (after == starts_.begin()) return fed_offset;
    return std::prev(after)->log + (fed_offset - std::prev(after)->fed);
  }

private:
  struct Start {
    std::uint64_t fed;
    std::uint64_t log;
  };

  void take(std::string_view bytes) {
    extractor_.feed(bytes);
    fed_ += bytes.size();
  }

  int log_;
  EvidenceExtractor& extractor_;
  std::uint64_t fed_ = 0;
  std::vector<Start> starts_;
};

/// The whole log, as long as it is now.
LogWindow whole(int log) {
  struct stat status {};
  if (::fstat(log, &status) != 0) throw std::system_error{errno, std::generic_category(), "look at a run's log"};
  return {0, static_cast<std::uint64_t>(status.st_size)};
}

FailureReading read_failure(int log, const std::string& name, const LogWindow& run,
                            const std::vector<std::uint64_t>& fault_offsets, int exit_status) {
  EvidenceExtractor extractor;
  extractor.begin_file(name);
  extractor.set_exit_status(exit_status);
  WindowFeed feed{log, extractor};
  std::vector<std::uint64_t> within;
  for (const std::uint64_t offset : fault_offsets)
    within.push_back(offset - std::min(offset, run.begin));
  for (const LogWindow& window : windows_to_read(run.end - run.begin, within))
    feed.feed({run.begin + window.begin, run.begin + window.end});
  const auto [evidence, signature] = extractor.finish();
  FailureReading reading;
  reading.seen = signature;
  if (evidence.error_line) reading.error_offset = feed.log_offset(evidence.error_line->origin.offset);
  return reading;
}

}  // namespace

std::vector<LogWindow> windows_to_read(std::uint64_t size, const std::vector<std::uint64_t>& fault_offsets) {
  if (size <= whole_limit) return {{0, size}};
  std::vector<LogWindow> wanted{{0, end_size}, {size - end_size, size}};
  for (std::size_t i = 0; i < fault_offsets.size() && i < fault_limit; ++i) {
    const std::uint64_t offset = std::min(fault_offsets[i], size);
    wanted.push_back({offset - std::min(offset, before_fault), std::min(offset + after_fault, size)});
  }
  std::sort(wanted.begin(), wanted.end(), [](const LogWindow& a, const LogWindow& b) { return a.begin < b.begin; });
  std::vector<LogWindow> merged{wanted.front()};
  for (const LogWindow& window : wanted) {
    if (window.begin <= merged.back().end)
      merged.back().end = std::max(merged.back().end, window.end);
    else
      merged.push_back(window);
  }
  return merged;
}

asio::awaitable<FailureReading> FailureReader::read(int log, std::string name, std::vector<std::uint64_t> fault_offsets,
                                                    int exit_status) {
  co_return co_await read_run(log, std::move(name), whole(log), std::move(fault_offsets), exit_status);
}

asio::awaitable<FailureReading> FailureReader::read_run(int log, std::string name, LogWindow run,
                                                        std::vector<std::uint64_t> fault_offsets, int exit_status) {
  // Work of its own: should the caller vanish, the thread still reads from a descriptor that is open.
  auto own = std::make_shared<UniqueFd>(::fcntl(log, F_DUPFD_CLOEXEC, 0));
  if (!*own) throw std::system_error{errno, std::generic_category(), "keep a run's log open"};
  auto work = [own, name = std::move(name), run, faults = std::move(fault_offsets), exit_status] {
    return read_failure(own->get(), name, run, faults, exit_status);
  };
  co_return co_await pool_.run(std::move(work));
}

}  // namespace ndr
