#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/job/test_facts.hpp"
#include "analyzer/refusal.hpp"

namespace ndr {

/// What is asked of a checkout's test sources. No file and no test: all tests. A test (node id or gtest name): its
/// file, or wherever its function is defined; the frames and the line of the failure tell which statement failed.
struct TestSourceQuestion {
  std::filesystem::path repository;
  std::optional<std::string> test;
  std::vector<StackFrame> frames;  // outermost first
  std::uint64_t line = 0;          // of the test's file; 0: unknown
  bool stress = false;             // the code of a stress test as well
};

/// Asks scripts/read_test_source.py, which the program carries within itself, in a child process of at most 30 s, 1 GiB
/// and 64 MiB of answer; blocks meanwhile. The answer is the script's JSON, not yet looked at. Refuses (field
/// "python3", "test source") where Python is missing, fails, or takes too long: never fatal.
Checked<std::string> read_test_source(const TestSourceQuestion& question);

/// The shapes of stress tests that somebody wrote: `paths` in the case at `root`, compared with the original where it
/// is known. Asks and refuses like the other.
Checked<std::string> read_stress_tests(const std::filesystem::path& root, const std::vector<std::string>& paths,
                                       const TestFacts& original);

/// The question that a failure's evidence asks.
TestSourceQuestion question_of(const std::filesystem::path& repository, const Evidence& evidence);

}  // namespace ndr
