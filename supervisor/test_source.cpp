#include "supervisor/test_source.hpp"

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "analyzer/evidence/text.hpp"
#include "analyzer/utf8.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/child_answer.hpp"

namespace ndr {

const std::map<std::string, std::string_view>& test_source_script();  // embedded

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds longest_wait{30};
constexpr std::size_t longest_answer = std::size_t{64} << 20;

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

std::string last_words(const std::string& text) {
  const std::string_view whole = trim_end(text);
  const auto line = whole.rfind('\n');
  return to_utf8(line == std::string_view::npos ? whole : whole.substr(line + 1));
}

Checked<std::string> ask_reader(std::string question) {
  const auto python = find_program("python3");
  if (!python)
    return Refusal{"python3", "is not in PATH", "install Python 3.9 or newer: the test's source is read by it"};
  ChildQuestion asked{*python, {"-I", "-S", "/dev/fd/3"}, std::move(question), "", longest_wait, longest_answer};
  asked.script = test_source_script().at("read_test_source.py");
  auto answer = ask_child(asked);
  if (!answer)
    return Refusal{"test source", "was not read within " + std::to_string(longest_wait.count()) + " s",
                   "is the checkout on a slow disk, or very large?"};
  if (!answer->succeeded()) {
    const std::string said = last_words(answer->errors);
    return Refusal{"test source", "was not read: " + (said.empty() ? "the reader died" : said),
                   "read the test by hand"};
  }
  return Checked<std::string>{boost::system::in_place_value, std::move(answer->output)};
}

}  // namespace

Checked<std::string> read_test_source(const TestSourceQuestion& question) {
  return ask_reader(question_text(question));
}

Checked<std::string> read_stress_tests(const fs::path& root, const std::vector<std::string>& paths,
                                       const TestFacts& original) {
  nlohmann::ordered_json asked;
  asked["root"] = root.string();
  asked["stress_tests"] = paths;
  const TestShape shape = original.shape.value_or(TestShape{});
  asked["original"] = {
      {"path", original.file}, {"operations", shape.operations}, {"loops", shape.loops}, {"values", shape.values}};
  return ask_reader(json_text(asked));
}

TestSourceQuestion question_of(const fs::path& repository, const Evidence& evidence) {
  TestSourceQuestion question{repository, std::nullopt, evidence.python_stack, 0, false};
  if (evidence.test_id) question.test = evidence.test_id->value;
  if (evidence.test_line) question.line = evidence.test_line->value;
  return question;
}

}  // namespace ndr
