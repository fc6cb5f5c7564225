#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "analyzer/refusal.hpp"
#include "supervisor/arms/arm.hpp"

namespace ndr {

/// What `ndreprod-shim loop` is asked for: runs of a command under an arm, until one fails as wanted.
struct LoopOptions {
  Arm arm;
  std::uint64_t seed = 0;
  std::int64_t seconds = 240;  // no run begins later
  std::int64_t runs = 0;       // at most; 0: as many as fit
  std::int64_t run_limit_ms = 60000;
  bool standstill_counts = false;
  bool own_folders = false;           // a run begins in its fresh folder instead of here
  std::vector<std::string> literals;  // a failing run that shows one of them is a hit; none: every failing run
  std::vector<std::string> command;
};

/// From the words after `loop`.
Checked<LoopOptions> loop_options_from(const std::vector<std::string>& words);

}  // namespace ndr
