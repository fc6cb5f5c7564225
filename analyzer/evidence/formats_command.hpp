#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/evidence.hpp"

namespace ndr {

/// What a command runs, as far as its words say.
enum class CommandKind { other, setup, script, program, pytest, gtest, ctest };

/// One simple command of a script, without what wraps it.
struct ShellCommand {
  std::string text;  // as written, without leading assignments, `timeout`, redirections and pipes
  CommandKind kind = CommandKind::other;
  std::map<std::string, std::string> assignments;  // VAR=value in front of it
  std::optional<double> limit_s;                   // of `timeout N` or `ctest --timeout N`
  bool may_fail = false;                           // "x || true": the script goes on, whatever it says
  Origin origin;
};

/// What is read of one script, and of what stands in front of one command: bounds memory on hostile logs.
constexpr std::size_t most_commands = 1000;
constexpr std::size_t most_assignments = 400;

/// The commands of one script: continuation lines joined, cut at && || ; and |, loops and conditions looked through.
/// At most the first `most_commands`.
std::vector<ShellCommand> shell_commands(const std::vector<Sourced<std::string>>& script);
/// The same of one line ("A=1 timeout 60 pytest x").
std::vector<ShellCommand> shell_commands(std::string_view line, const Origin& origin);

/// Whether the command runs tests (pytest, a gtest binary, ctest, a launcher of one, a test script, a program).
bool runs_tests(CommandKind kind);

/// "NAME=value" settings that a line shows: exports, traced assignments, "setting env var: NAME=value", or the line
/// alone. Names are upper case; nothing from prose.
std::vector<std::pair<std::string, std::string>> shown_settings(std::string_view line);

/// What a shell's trace or prompt shows behind "+ ", "$ ", "(env) me@host:~/dir$ " or "root@box:/# "; empty for any
/// other line.
std::string_view typed_command(std::string_view line);

/// Upper case, no prose: what a variable of the environment is called.
bool is_setting_name(std::string_view name);

/// Variables of the runner itself: of no use elsewhere.
bool is_runner_variable(std::string_view name);

/// The value of an option in a command line: "--timeout=300", "--timeout 300".
std::optional<std::string> option_value(std::string_view command, std::string_view option);

}  // namespace ndr
