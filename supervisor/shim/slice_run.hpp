#pragma once
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/refusal.hpp"

namespace ndr {

/// One run of a slice, ready to be started. Process group of its own, stdin as ours, stdout and stderr `output`.
struct SliceRunStart {
  std::vector<std::string> command;  // [0] is the path
  std::filesystem::path working_folder;
  std::vector<std::pair<std::string, std::string>> environment;
  int output = -1;
  std::int64_t limit_ms = 1000;
};

struct SliceRunEnd {
  std::optional<int> exit_code;
  std::optional<int> term_signal;
  bool stood_still = false;  // killed at its limit: nothing of it was getting on, or it took ten times as long
  bool was_cut = false;      // killed because the slice is to end; what it did says nothing
  bool wrote_too_much = false;
  std::int64_t duration_us = 0;
  int leftovers = 0;
};

/// The most that one run of a slice may write.
inline constexpr std::int64_t most_run_output = 64ll << 20;

/// Until a run with this limit is killed even where it gets on.
constexpr std::int64_t longest_run_ms(std::int64_t limit_ms) { return 10 * limit_ms; }

/// Starts it, waits for its end and for that of every process that it left; kills what stays. We must be a subreaper
/// without other children, with SIGCHLD, SIGINT and SIGTERM blocked; one of the latter ends the run as cut and is not
/// taken from the queue. Refuses (field: command) what cannot be started.
Checked<SliceRunEnd> perform_slice_run(const SliceRunStart& start);

/// Whether SIGINT or SIGTERM waits for us.
bool is_told_to_end();

}  // namespace ndr
