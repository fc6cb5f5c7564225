#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/job/test_shape.hpp"

namespace ndr {

/// The code of a stress test, as scripts/read_test_source.py makes it from the original.
struct StressCode {
  bool is_slice = false;               // else the original runs as a whole
  std::string unsupported;             // why pytest could not repeat it at all; empty: it can
  std::vector<std::string> reasons;    // why no slice
  std::string base;                    // the original's name without "test_"
  std::string code;                    // the file without its docstring
  std::vector<std::string> conftests;  // of the checkout, the outermost first
  std::vector<std::string> options;    // of pytest's, that the checkout declares
  std::string import_folder;           // of the checkout, where pytest finds the original as a module
  std::string pytest_settings;         // the checkout's file of pytest's settings; empty: there is none
  bool opened_once = false;            // the device stays open over all iterations
  std::uint64_t statements_kept = 0;   // of the original's file; the scaffold is not counted
  std::uint64_t statements = 0;
};

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
  std::optional<StressCode> stress;     // where it was asked for, of a Python test
  std::optional<TestShape> shape;       // likewise
};

}  // namespace ndr
