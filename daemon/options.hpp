#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ndr {

struct ServeOptions {
  bool system = false;
  std::optional<std::filesystem::path> config;
  std::optional<std::filesystem::path> state_folder;
  std::optional<std::filesystem::path> runtime_folder;
  std::optional<std::string> tcp;  // "127.0.0.1:PORT" or "off"
  std::vector<std::filesystem::path> case_roots;
};

struct AnalyzeOptions {
  std::vector<std::filesystem::path> files;
  std::optional<std::filesystem::path> repository;  // of the test; else what case.yaml says
  bool json = false;
  bool markdown = false;
};

struct InspectOptions {
  std::filesystem::path repository;
  std::string workflow;                     // a path or a file's name; empty: all
  std::string job;                          // its id or name; empty: all
  std::string test;                         // a node id or Suite.Test; empty: all
  std::vector<std::filesystem::path> logs;  // of the failure: its job, its test and the lines that failed
  bool json = false;
  bool schema = false;  // print it, and nothing else
};

// Of generate, lint and brief.
struct GenerateOptions {
  std::filesystem::path folder;                     // of the case
  std::optional<std::filesystem::path> repository;  // of the test; else what case.yaml says
  bool json = false;
};

enum class Command { none, serve, check_config, analyze, inspect, generate, lint, brief, code_places };

struct Options {
  Command command = Command::none;
  ServeOptions serve;
  AnalyzeOptions analyze;
  InspectOptions inspect;
  GenerateOptions generate;
  int exit_code = 0;  // with Command::none: help or version was printed (0), or the usage was wrong (2)
};

Options parse_options(int argc, const char* const* argv);

}  // namespace ndr
