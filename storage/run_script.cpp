#include <unistd.h>

#include <cstdlib>
#include <system_error>

#include "storage/atomic_file.hpp"
#include "storage/case_folder.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view blanks = " \t";

std::string_view next_word(std::string_view& text) {
  const std::size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return text = {};
  text.remove_prefix(begin);
  const std::string_view word = text.substr(0, text.find_first_of(blanks));
  text.remove_prefix(word.size());
  return word;
}

bool is_program(const fs::path& file) {
  std::error_code error;
  return fs::is_regular_file(fs::status(file, error)) && ::access(file.c_str(), X_OK) == 0;
}

bool is_on_path(std::string_view program) {
  const char* configured = std::getenv("PATH");
  std::string_view path = configured != nullptr ? configured : "/usr/local/bin:/usr/bin:/bin";
  while (!path.empty()) {
    const std::string_view folder = path.substr(0, path.find(':'));
    if (is_program(fs::path(folder) / program)) return true;
    path.remove_prefix(std::min(path.size(), folder.size() + 1));
  }
  return false;
}

/// The program that `env` would start: its first word that is neither an option nor an assignment.
std::string_view program_of_env(std::string_view arguments) {
  for (std::string_view word = next_word(arguments); !word.empty(); word = next_word(arguments)) {
    if (!word.starts_with('-') && word.find('=') == std::string_view::npos) return word;
  }
  return {};
}

Refusal bad(const CaseFolder& folder, std::string reason, std::string remedy) {
  return {folder.run_script().string(), std::move(reason), std::move(remedy)};
}

Checked<void> check_interpreter(const CaseFolder& folder, std::string_view line) {
  const std::string remedy = "make the first line: #!/usr/bin/env bash";
  if (line.ends_with('\r')) {
    return bad(folder, "has Windows line endings", "run: sed -i 's/\\r$//' " + folder.run_script().string());
  }
  if (!line.starts_with("#!")) return bad(folder, "names no interpreter in its first line", remedy);
  line.remove_prefix(2);
  const std::string interpreter{next_word(line)};
  if (!interpreter.starts_with('/') || !is_program(interpreter)) {
    return bad(folder, "names an interpreter that is not there: " + interpreter, remedy);
  }
  if (fs::path(interpreter).filename() != "env") return {};
  const std::string program{program_of_env(line)};
  const bool found = program.starts_with('/') ? is_program(program) : !program.empty() && is_on_path(program);
  if (!found) return bad(folder, "names an interpreter that is not on PATH: " + program, "install it, or " + remedy);
  return {};
}

}  // namespace

Checked<void> check_run_script(const CaseFolder& folder) {
  const fs::path script = folder.run_script();
  std::error_code error;
  const fs::file_status status = fs::symlink_status(script, error);
  if (status.type() == fs::file_type::not_found) {
    return bad(folder, "is missing", "write the command that runs the test into it, with \"$@\" at its end");
  }
  if (error) return bad(folder, error.message(), "give the account read permission");
  if (!fs::is_regular_file(status)) return bad(folder, "is not a regular file", "put the script itself there");
  // The bits, not access(2): the account of the runs may be another one than ours.
  if ((status.permissions() & (fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec)) ==
      fs::perms::none) {
    return bad(folder, "is not executable", "run: chmod +x " + script.string());
  }
  try {
    const std::string start = read_start(script, 4096);
    return check_interpreter(folder, std::string_view{start}.substr(0, start.find('\n')));
  } catch (const std::system_error& unreadable) {
    return bad(folder, unreadable.code().message(), "give the account read permission");
  }
}

bool has_contract_line(const CaseFolder& folder) {
  std::string start;
  try {
    start = read_start(folder.run_script(), 65536);
  } catch (const std::system_error&) {
    return false;  // check_run_script() says why
  }
  std::string_view rest = start;
  for (int line_number = 0; line_number < 20 && !rest.empty(); ++line_number) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    while (line.ends_with('\r') || line.ends_with(' '))
      line.remove_suffix(1);
    if (line == "# ndrepro-contract: 1") return true;
  }
  return false;
}

}  // namespace ndr
