#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/records.hpp"

namespace ndr {

/// What was seen of one run of the reset command.
struct ResetObservation {
  std::string board;  // the target
  std::vector<std::string> devices_before;
  std::vector<std::string> devices_after;
  std::string start_error;  // the command could not be started
  std::optional<int> exit_code;
  std::optional<int> term_signal;
  bool timed_out = false;
  std::string output;                  // as printed, ANSI and all
  std::optional<std::string> unready;  // what the readiness probe said against it
};

struct ResetFinding {
  ResetResult result = ResetResult::failed;
  std::string reason;  // one line for people; empty when verified
  bool operator==(const ResetFinding&) const = default;
};

/// Pure. A reset is verified when its command ended by itself with 0, printed none of the texts of a failed reset (some
/// versions print them and exit 0), the same devices are there as before, the target among them, and the probe is
/// content. A command that seemed to work, but after which that cannot be shown, is unverified.
ResetFinding judge_reset(const ResetObservation& seen);

/// The target of one board for the reset command: "/dev/tenstorrent/0" or "0".
std::string reset_target(const std::string& nodes, const std::string& board, bool as_path);

}  // namespace ndr
