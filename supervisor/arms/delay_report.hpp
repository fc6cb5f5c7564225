#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ndr {

/// A place at which runs were delayed.
struct DelayedSite {
  std::string module;        // path of the program or library, as the run had it
  std::uint64_t offset = 0;  // of a byte of the delayed instruction, from the module's lowest mapping on
  std::uint64_t delays = 0;
  std::uint64_t delayed_ns = 0;
  bool operator==(const DelayedSite&) const = default;
};

/// What all processes of a folder were delayed by. Figures stay at their largest value instead of wrapping around.
struct DelayTally {
  std::uint64_t points = 0;  // where a delay was possible
  std::uint64_t delays = 0;
  std::uint64_t delayed_ns = 0;
  std::uint64_t lost = 0;          // delays whose place is not known: no room, or no sense in what was written
  std::size_t processes = 0;       // reports that were read
  std::size_t refused = 0;         // files of such a name that are none, or too many
  std::vector<DelayedSite> sites;  // by time, then delays, the largest first; at most 4096
};

/// Which writer a report is of; it decides what its addresses mean.
enum class DelayWriter { noise, hold };

/// Adds the report in `bytes` (a whole file) to the tally; false, and `refused` one more, where it is none. Runs write
/// these files, so nothing in them is believed: magic, size, indices and the ends of paths are checked.
/// Noise notes the address behind the call, one byte before which is within it; hold that of the instruction itself.
bool add_delays(DelayTally& tally, DelayWriter writer, std::string_view bytes);

/// Sorts the sites, and leaves out those beyond the limit (they count as lost).
void finish_delays(DelayTally& tally);

/// All `noise-PID` and `hold-PID` files of the folder, at most 16384; other files, links and folders are left alone.
/// A folder that is not there is an empty one.
DelayTally read_delays(const std::filesystem::path& folder);

}  // namespace ndr
