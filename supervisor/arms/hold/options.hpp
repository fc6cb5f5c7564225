#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/refusal.hpp"

namespace ndr::hold {

enum class HoldTask { run, check, help };

/// What the command line asks for.
struct HoldOptions {
  HoldTask task = HoldTask::run;
  unsigned breakpoints = 0;      // how many instructions of a program hold the thread that comes first; 0: none
  std::uint32_t hold_us = 1500;  // mean of such a hold
  double call_chance = 0;        // of a hold at each call by which threads and processes meet, 0 to 1; 0: none
  std::uint32_t call_us = 1000;  // the longest of those
  std::optional<std::uint64_t> seed;
  std::string report;  // folder; empty: none
  std::string near;    // file of function names; empty: all functions
  std::string index;   // folder; empty: programs are decoded in each run
  std::vector<std::string> command;
};

/// From the words after the program's name.
Checked<HoldOptions> hold_options_from(const std::vector<std::string>& words);

std::string_view hold_help();

}  // namespace ndr::hold
