#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ndr {

/// Where boards are seen; tests give their own folders.
struct BoardRoots {
  std::filesystem::path nodes = "/dev/tenstorrent";
  std::filesystem::path proc = "/proc";
};

/// The boards that have a node: its entries whose names are numbers, in their order.
std::vector<std::string> device_set(const BoardRoots& roots);

/// A process that has a board open.
struct BoardHolder {
  std::string board;
  int pid = 0;
  std::int64_t uid = -1;  // real; -1 where it could not be read
  std::string command;    // its words, at most 256 bytes; as the process shows them
  std::uint64_t start_time = 0;
};

struct BoardHolders {
  std::vector<BoardHolder> holders;
  bool complete = true;  // false: there are processes whose open files this account may not see
};

/// By <proc>/driver/tenstorrent/N/pids where the driver has it, else by looking through all processes' open files.
BoardHolders board_holders(const BoardRoots& roots, const std::vector<std::string>& boards);

}  // namespace ndr
