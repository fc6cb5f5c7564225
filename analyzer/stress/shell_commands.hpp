#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analyzer/stress/script_lines.hpp"

namespace ndr {

/// A word of a shell command without its quotes. Of `$NAME`, `${NAME}` and `${NAME:-VALUE}` it has the value that the
/// script gave before, or the VALUE; what else the shell would put in leaves it without a value.
struct ShellWord {
  std::string text;
  bool has_value = true;
  bool is_quoted = false;                                     // in part at least
  bool has_status = false;                                    // of a command: $?, ${PIPESTATUS[...]}
  std::optional<std::pair<std::string, std::string>> sets{};  // ${NAME:=VALUE}
  std::vector<std::string> unknown{};                         // the names of variables whose values are not known
};

/// One command of a script; `ends_with` is what stands behind it: ";" (a line's end too), "&&", "||", "|", "&".
struct ScriptCommand {
  std::uint64_t line = 0;
  std::vector<ShellWord> words;
  std::string ends_with;
};

/// What a script makes of a variable, as its lines stand: branches are taken, functions are not called.
struct ShellVariable {
  std::uint64_t line = 0;            // where it got its value, or lost it
  std::optional<std::string> value;  // none: the shell computes it
  bool is_exported = false;
  bool is_set = true;
};

/// A script as far as its lines tell: no shell is run.
struct ShellScript {
  std::vector<ScriptCommand> commands;
  std::map<std::string, ShellVariable> variables;  // at the end
  std::optional<std::uint64_t> sources;            // the first line that runs another file in this shell
};

/// Reads the lines up to `until` (all: 0); of that line itself only what is set for its commands (`NAME=VALUE pytest`,
/// `env -u NAME pytest`).
ShellScript read_shell(const std::vector<ScriptLine>& lines, std::uint64_t until = 0);

/// The first command that starts tests: pytest, a stress loop, a Google Test program. The end where there is none.
std::vector<ScriptCommand>::const_iterator test_command(const ShellScript& script);

/// Whether the command stands in a function, or in another group of `{` and `}`.
bool is_in_braces(const ShellScript& script, std::vector<ScriptCommand>::const_iterator command);

/// Whether the command stands in a loop of the script.
bool is_in_loop(const ShellScript& script, std::vector<ScriptCommand>::const_iterator command);

}  // namespace ndr
