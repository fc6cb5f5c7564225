#include "supervisor/test_source.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

#include "analyzer/evidence/text.hpp"
#include "analyzer/utf8.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/spawn.hpp"

namespace ndr {

const std::map<std::string, std::string_view>& test_source_script();  // embedded

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds longest_wait{30};
constexpr std::size_t longest_answer = std::size_t{64} << 20;
constexpr std::size_t longest_complaint = 2000;

std::optional<fs::path> find_python() {
  const char* variable = std::getenv("PATH");
  const std::string path = variable == nullptr ? "" : variable;
  for (const std::string_view folder : split(path, ':')) {
    fs::path program = fs::path{folder} / "python3";
    if (!folder.empty() && ::access(program.c_str(), X_OK) == 0) return program;
  }
  return std::nullopt;
}

std::string question_text(const TestSourceQuestion& question) {
  nlohmann::ordered_json frames = nlohmann::ordered_json::array();
  for (const StackFrame& frame : question.frames)
    frames.push_back({{"file", source_path(frame.file)}, {"line", frame.line}, {"function", frame.function}});
  nlohmann::ordered_json asked;
  asked["root"] = question.repository.string();
  asked["files"] = nlohmann::ordered_json::array();
  asked["test"] = question.test ? nlohmann::ordered_json(*question.test) : nlohmann::ordered_json(nullptr);
  asked["frames"] = std::move(frames);
  asked["line"] = question.line;
  asked["stress"] = question.stress;
  return json_text(asked);
}

// The exit status as waitpid gives it; nothing where the time was up and the process had to be killed.
std::optional<int> wait_for(const Spawned& child) {
  const auto end = std::chrono::steady_clock::now() + longest_wait;
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

std::string last_words(const std::string& text) {
  const std::string_view whole = trim_end(text);
  const auto line = whole.rfind('\n');
  return to_utf8(line == std::string_view::npos ? whole : whole.substr(line + 1));
}

}  // namespace

Checked<std::string> read_test_source(const TestSourceQuestion& question) {
  const auto python = find_python();
  if (!python)
    return Refusal{"python3", "is not in PATH", "install Python 3.9 or newer: the test's source is read by it"};
  const UniqueFd asked = memory_file("test-source-question", question_text(question));
  const UniqueFd script = memory_file("test-source-script", test_source_script().at("read_test_source.py"));
  const UniqueFd answer = memory_file("test-source-answer", "");
  const UniqueFd complaint = memory_file("test-source-complaint", "");
  const Spawned child =
      spawn(*python, {"-I", "-S", "/dev/fd/3"}, {asked.get(), answer.get(), complaint.get(), script.get()});
  const auto status = wait_for(child);
  if (!status)
    return Refusal{"test source", "was not read within " + std::to_string(longest_wait.count()) + " s",
                   "is the checkout on a slow disk, or very large?"};
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
    const std::string said = last_words(read_start(complaint, longest_complaint));
    return Refusal{"test source", "was not read: " + (said.empty() ? "the reader died" : said),
                   "read the test by hand"};
  }
  return Checked<std::string>{boost::system::in_place_value, read_start(answer, longest_answer)};
}

TestSourceQuestion question_of(const fs::path& repository, const Evidence& evidence) {
  TestSourceQuestion question{repository, std::nullopt, evidence.python_stack, 0, false};
  if (evidence.test_id) question.test = evidence.test_id->value;
  if (evidence.test_line) question.line = evidence.test_line->value;
  return question;
}

}  // namespace ndr
