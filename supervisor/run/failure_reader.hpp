#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/evidence/signature.hpp"
#include "storage/unique_fd.hpp"
#include "supervisor/work_pool.hpp"

namespace ndr {

/// Part of a log, raw byte offsets.
struct LogWindow {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool operator==(const LogWindow&) const = default;
};

/// What is read of a log of this size to find its failure: all up to 8 MiB; else the first MiB, 64 KiB before to
/// 256 KiB after each of the first 32 faults as they are given, and the last MiB. In order, without overlap.
std::vector<LogWindow> windows_to_read(std::uint64_t size, const std::vector<std::uint64_t>& fault_offsets);

struct FailureReading {
  Signature seen;                             // type none: no failure
  std::optional<std::uint64_t> error_offset;  // in the log, of the line that says what failed
};

/// Reads a finished run's failure out of its log. Throws std::system_error where the log cannot be read.
class FailureReader {
public:
  explicit FailureReader(WorkPool& pool) : pool_(pool) {}

  /// `log` stays the caller's; `name` is what evidence calls it; `exit_status` is the run's, 0 where it has none.
  boost::asio::awaitable<FailureReading> read(int log, std::string name, std::vector<std::uint64_t> fault_offsets,
                                              int exit_status = 0);
  /// The same of one run within the log of a slice; all offsets are the log's.
  boost::asio::awaitable<FailureReading> read_run(int log, std::string name, LogWindow run,
                                                  std::vector<std::uint64_t> fault_offsets, int exit_status);

private:
  WorkPool& pool_;
};

}  // namespace ndr
