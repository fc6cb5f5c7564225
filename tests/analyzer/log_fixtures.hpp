#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

/// A folder of tests/data/logs: the logs of one failure (or of none), and what must be read from them.
struct LogFixture {
  std::string name;
  std::vector<std::pair<std::string, std::string>> logs;  // file name, bytes
  std::string expected;                                   // JSON: fields that must be exactly so, null for absent
};

std::vector<LogFixture> log_fixtures();
std::string read_whole(const std::filesystem::path& file);
