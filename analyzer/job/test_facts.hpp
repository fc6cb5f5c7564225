#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "analyzer/evidence/evidence.hpp"

namespace ndr {

/// What the failing test's source says, as far as the analysis speaks of it; places are lines of `file`.
struct TestFacts {
  std::string file;      // path in the checkout; empty: the test was not found
  std::string function;  // name as pytest or Google Test has it
  std::uint64_t line = 0;
  std::string framework;     // pytest, gtest
  std::string fixture_kind;  // "fixture:device", "direct:ttnn.open_device", "none", "gtest:TEST_P", ...
  std::string failing_statement;
  std::uint64_t failing_line = 0;
  std::uint64_t statements_kept = 0;  // of the backward slice, of all statements; 0 of 0: no slice
  std::uint64_t statements = 0;
  std::vector<std::string> unsafe;      // why the slice may not do what the whole test does
  std::vector<std::string> candidates;  // paths, where several files define the test
};

}  // namespace ndr
