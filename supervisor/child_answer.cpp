#include "supervisor/child_answer.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::size_t longest_complaint = 64u << 10;

// The exit status as waitpid gives it; nothing where the time was up and the process had to be killed.
std::optional<int> wait_for(const Spawned& child, std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    pollfd ready{child.pidfd.get(), POLLIN, 0};
    const int seen = left.count() > 0 ? ::poll(&ready, 1, static_cast<int>(left.count())) : 0;
    if (seen < 0 && errno == EINTR) continue;
    if (seen <= 0) ::kill(-child.pid, SIGKILL);  // it leads a session of its own
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    return seen > 0 ? std::optional{status} : std::nullopt;
  }
}

}  // namespace

bool ChildAnswer::succeeded() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }

std::optional<ChildAnswer> ask_child(const ChildQuestion& question) {
  const UniqueFd asked = memory_file("child-input", question.input);
  const UniqueFd script = memory_file("child-script", question.script);
  const UniqueFd output = memory_file("child-output", "");
  const UniqueFd errors = memory_file("child-errors", "");
  const Spawned child =
      spawn(question.program, question.arguments, {asked.get(), output.get(), errors.get(), script.get()});
  const auto status = wait_for(child, question.limit);
  if (!status) return std::nullopt;
  return ChildAnswer{*status, read_start(output, question.longest_output), read_start(errors, longest_complaint)};
}

std::optional<std::filesystem::path> find_program(std::string_view name) {
  const char* variable = std::getenv("PATH");
  const std::string path = variable == nullptr ? "" : variable;
  for (const std::string_view folder : split(path, ':')) {
    std::filesystem::path program = std::filesystem::path{folder} / name;
    if (!folder.empty() && ::access(program.c_str(), X_OK) == 0) return program;
  }
  return std::nullopt;
}

}  // namespace ndr
