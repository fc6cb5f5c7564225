#include "supervisor/boards/reset_command.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>

#include "analyzer/utf8.hpp"
#include "storage/atomic_file.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

constexpr std::streamoff kept_output = 64 << 10;

/// The end of what it printed, which may be large.
std::string last_output(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) throw std::system_error{errno, std::generic_category(), "open " + file.string()};
  in.seekg(0, std::ios::end);
  in.seekg(std::max<std::streamoff>(0, std::streamoff{in.tellg()} - kept_output));
  std::string text(kept_output, '\0');
  in.read(text.data(), kept_output);
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

std::vector<std::string> command_words(const std::string& text) {
  std::istringstream stream{text};
  std::vector<std::string> words;
  for (std::string word; stream >> word;)
    words.push_back(word);
  return words;
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : "";
  const char* const path = std::getenv("PATH");
  std::istringstream folders{path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path};
  for (std::string folder; std::getline(folders, folder, ':');) {
    const fs::path candidate = fs::path{folder} / name;
    if (candidate.is_absolute() && ::access(candidate.c_str(), X_OK) == 0 && fs::is_regular_file(candidate)) {
      return candidate.string();
    }
  }
  return "";
}

Checked<std::vector<std::string>> reset_command(const BoardSettings& settings, const std::string& board) {
  const char* const instead = std::getenv("TT_SMI_RESET_COMMAND");
  std::vector<std::string> command = instead == nullptr ? std::vector<std::string>{} : command_words(instead);
  if (command.empty()) {
    command = settings.reset_command;
    command.push_back(reset_target(settings.nodes.string(), board, settings.targets_are_paths));
  }
  const std::string program = find_program(command.front());
  if (program.empty()) {
    return Refusal{"boards.reset_command", "the program " + command.front() + " is not found",
                   "install it, or write its full path as the first word of boards.reset_command"};
  }
  command.front() = program;
  return command;
}

AttemptSpec reset_spec(const BoardSettings& settings, const AttemptFolder& folder, std::vector<std::string> command) {
  AttemptSpec spec;
  spec.case_name = "reset";
  spec.number = 1;
  spec.command = std::move(command);
  spec.working_folder = "/";
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) spec.environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  spec.log = folder.output();
  spec.deadline_ms = settings.reset_limit_ms;
  spec.ladder = {0, 5000};
  spec.arm = "reset";
  spec.parameters = "{}";
  return spec;
}

ResetObservation observe_end(const AttemptFolder& folder) {
  ResetObservation seen;
  std::error_code error;
  if (fs::exists(folder.output(), error)) seen.output = to_utf8(last_output(folder.output()));
  if (!fs::exists(folder.exit(), error)) return seen;
  const auto exit = attempt_exit_from(read_file(folder.exit()));
  if (exit.has_error()) return seen;
  seen.exit_code = exit->exit_code;
  seen.term_signal = exit->term_signal;
  seen.timed_out = exit->cause == EndCause::deadline;
  seen.start_error = exit->cause == EndCause::spawn_failed ? exit->error : "";
  return seen;
}

}  // namespace ndr
