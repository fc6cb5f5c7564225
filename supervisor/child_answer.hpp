#pragma once
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/spawn.hpp"

namespace ndr {

/// What a short child process said.
struct ChildAnswer {
  int status = 0;  // as waitpid gives it
  std::string output;
  std::string errors;
  bool succeeded() const;
};

struct ChildQuestion {
  std::filesystem::path program;
  std::vector<std::string> arguments;
  std::string input;   // its standard input
  std::string script;  // on descriptor 3: /dev/fd/3; empty: none
  std::chrono::seconds limit{30};
  std::size_t longest_output = std::size_t{64} << 20;
};

/// Runs it in a session of its own, its streams in memory; blocks. Nothing where its time was up: then it is killed.
std::optional<ChildAnswer> ask_child(const ChildQuestion& question);

/// The program of that name in PATH; nothing where it is not there.
std::optional<std::filesystem::path> find_program(std::string_view name);

}  // namespace ndr
