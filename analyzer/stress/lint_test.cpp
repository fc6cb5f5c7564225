#include "analyzer/stress/lint_parts.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "analyzer/evidence/text.hpp"
#include "analyzer/printed_text.hpp"
#include "analyzer/stress/script_lines.hpp"
#include "analyzer/stress/shell_commands.hpp"

namespace ndr {
namespace {

constexpr std::uint64_t fewest_repeats = 10;

bool is_stress_test(const CaseFile& file) {
  const std::string_view name = file_name(file.path);
  return contains(name, "stress") && (name.ends_with(".py") || name.ends_with(".sh"));
}

bool holds_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return contains(text, part); });
}

// "iteration", range(50) and NDREPRO_ITERATIONS' default: how often it runs, where a number says so.
std::optional<double> iterations_in(std::string_view text) {
  for (const std::string_view mark : {"NDREPRO_ITERATIONS:-", "NDREPRO_ITERATIONS\", \"", "range("}) {
    const auto rest = after(text, mark);
    const auto number = rest ? leading_number(*rest) : std::nullopt;
    if (number) return static_cast<double>(*number);
  }
  return std::nullopt;
}

// A file without tests may bring them from the original: "from tests.pipe import *", a class, a generated function.
bool is_run_otherwise(const CaseFile& test) {
  return holds_any(test.text, {"import_module(", "import *", "unittest.TestCase", "exec("});
}

// Whether run_test.sh repeats what it starts.
bool script_repeats(const LintSources& sources) {
  if (!sources.run_script) return false;
  const auto script = read_shell(script_lines(sources.run_script->text));
  const auto test = test_command(script);
  if (test == script.commands.end()) return false;
  const bool by_option = std::any_of(test->words.begin(), test->words.end(), [](const ShellWord& word) {
    return word.text.starts_with("--gtest_repeat") || word.text.starts_with("--count");
  });
  return by_option || is_in_loop(script, test);
}

void add_finding(std::vector<LintFinding>& findings, const std::string& rule, const std::string& file,
                 std::uint64_t line, std::string text, std::string remedy, Severity severity = Severity::error) {
  findings.push_back({rule, severity, file, line, std::move(text), std::move(remedy)});
}

// One test function against the original, by their shapes.
class ShapeLinter {
public:
  ShapeLinter(const LintSources& sources, const TestShape& shape, std::vector<LintFinding>& findings)
      : sources_(sources), shape_(shape), findings_(findings) {}

  void check() {
    check_repeats();
    check_hiding();
    if (shape_.runs_original) return;  // with all that it does
    check_operation();
    check_values();
    check_kind();
    check_fixtures();
    check_set_up();
    check_opening();
  }

private:
  void add(const char* rule, std::uint64_t line, std::string text, std::string remedy,
           Severity severity = Severity::error) {
    add_finding(findings_, rule, shape_.path, line, std::move(text), std::move(remedy), severity);
  }

  void check_repeats() {
    const auto told = sources_.run_script ? iterations_in(sources_.run_script->text) : std::nullopt;
    if (told && *told <= 1 && !takes_long())
      add("no-amplification", shape_.line, "runs the operation once, by run_test.sh's NDREPRO_ITERATIONS",
          "make its default larger");
    if (!shape_.repeats || *shape_.repeats >= fewest_repeats || script_repeats(sources_)) return;
    const bool once = *shape_.repeats <= 1;
    add("no-amplification", shape_.line,
        once ? "runs the operation once" : "runs the operation " + std::to_string(*shape_.repeats) + " times only",
        "repeat it: @pytest.mark.parametrize(\"iteration\", range(50))", once ? Severity::error : Severity::warning);
  }

  // One iteration alone fills the five minutes.
  bool takes_long() const {
    const auto& took = sources_.evidence.seconds_into_test;
    return took && took->value > 120;
  }

  void check_hiding() {
    for (const HidingPlace& place : shape_.hides) {
      const bool expected = is_one_of(place.text, {"xfail", "expectedFailure", "flaky", "pytest.xfail"});
      if (!expected && original_hides(place.text)) continue;
      if (is_one_of(place.text, {"except", "suppress", "raises", "assertRaises"}))
        add("hidden-failure", place.line, "catches what the failing operation throws (" + place.text + "), and goes on",
            "leave it out");
      else
        add("hidden-failure", place.line, "hides a failure: " + place.text, "leave it out");
    }
  }
  bool original_hides(const std::string& text) const {
    if (!sources_.test.shape) return false;
    const auto& places = sources_.test.shape->hides;
    return std::any_of(places.begin(), places.end(), [&](const HidingPlace& place) { return place.text == text; });
  }

  void check_operation() {
    if (!sources_.test.shape || sources_.test.shape->operations.empty()) return;
    const auto& operations = sources_.test.shape->operations;
    const bool holds = std::any_of(operations.begin(), operations.end(), [&](const std::string& name) {
      return std::find(shape_.uses.begin(), shape_.uses.end(), name) != shape_.uses.end();
    });
    if (!holds)
      add("wrong-operation", shape_.line, "does not hold what failed: " + sources_.test.failing_statement,
          "see " + sources_.test.file + ":" + std::to_string(sources_.test.failing_line));
  }

  // The failing id's own parameters, where the test gives these names anything.
  void check_values() {
    if (!sources_.test.shape) return;
    for (const auto& [name, wanted] : sources_.test.shape->values) {
      const auto given = shape_.values.find(name);
      if (given == shape_.values.end() || given->second.empty() || wanted.empty()) continue;
      const auto& values = given->second;
      if (std::find(values.begin(), values.end(), wanted.front()) != values.end()) continue;
      std::string text = "gives " + name;
      text.append(" ").append(values.front()).append(", the failing test ").append(wanted.front());
      add("wrong-operation", shape_.line, std::move(text), "give it that value", Severity::warning);
    }
  }

  // "fixture:mesh_device (indirect)" wants the fixture of that name, "direct:ttnn.open_device" that call, "none"
  // neither.
  void check_kind() {
    const std::string& kind = sources_.test.fixture_kind;
    if (sources_.test.file.empty() || kind.empty() || kind.starts_with("gtest:")) return;
    if (kind.starts_with("fixture:")) {
      const std::string name{before(std::string_view{kind}.substr(8), " ")};
      if (before(shape_.fixture_kind, " ") != "fixture:" + name)
        add("device-setup", shape_.line,
            "does not use the fixture " + name + " as the original does (" + sources_.test.file + ")",
            "take " + name + " as an argument of the test");
      else if (!shape_.own_fixture.empty() && !original_defines(name))
        add("device-setup", shape_.line, "uses a " + name + " of its own (" + shape_.own_fixture + ")",
            "take the original's, by tests/conftest.py", Severity::warning);
      const std::string own_scope = "use_module_device";
      if (contains(kind, own_scope) &&
          std::find(shape_.marks.begin(), shape_.marks.end(), own_scope) == shape_.marks.end())
        add("device-setup", shape_.line, "lacks the original's mark " + own_scope,
            "pytestmark = pytest.mark." + own_scope);
      return;
    }
    if (kind.starts_with("direct:") && !shape_.opened)
      add("device-setup", shape_.line, "does not open the device by " + kind.substr(7) + " as the original does",
          "call it with the original's arguments");
    if (kind == "none" && shape_.fixture_kind != "none")
      add("device-setup", shape_.line, "opens a device, which the original does not", "leave it out");
  }
  // In its own file, so that the stress test has to define it as well.
  bool original_defines(const std::string& fixture) const {
    if (!sources_.test.shape) return true;
    const auto& shared = sources_.test.shape->fixtures;
    return std::find(shared.begin(), shared.end(), fixture) == shared.end();
  }

  // What a conftest.py of the checkout defines is found from the case's own alone.
  void check_fixtures() {
    if (!sources_.test.shape || sources_.is_in_checkout) return;
    const auto conftest = std::find_if(sources_.tests.begin(), sources_.tests.end(),
                                       [](const CaseFile& file) { return file.path == "tests/conftest.py"; });
    const bool loads =
        conftest != sources_.tests.end() && holds_any(conftest->text, {"import", "pytest_plugins", "exec("});
    const bool by_option = sources_.run_script && holds_any(sources_.run_script->text, {" --confcutdir", " -p ndr_"});
    for (const std::string& name : shape_.fixtures) {
      if (loads || by_option || original_defines(name)) continue;
      add("device-setup", shape_.line, "asks for the fixture " + name + ", which nothing here defines",
          "load the checkout's conftest.py in tests/conftest.py, as ndreprod generate CASE does");
    }
  }

  void check_set_up() {
    if (!sources_.test.shape) return;
    for (const auto& [name, wanted] : sources_.test.shape->set_up) {
      if (wanted.empty()) continue;
      const auto given = shape_.set_up.find(name);
      if (given == shape_.set_up.end()) {
        add("device-setup", shape_.line, "does not give " + name + " what the original gives it: " + wanted.front(),
            "@pytest.mark.parametrize(\"" + name + "\", [" + wanted.front() + "], indirect=True)");
        continue;
      }
      const auto& values = given->second;
      if (values.empty()) continue;  // nobody knows without running it
      if (std::find(values.begin(), values.end(), wanted.front()) == values.end())
        add("device-setup", shape_.line, "gives " + name + " " + values.front() + ", the original " + wanted.front(),
            "give it the original's");
      else if (values.size() > 1)
        add("device-setup", shape_.line, "gives " + name + " other values too than the failing " + wanted.front(),
            "give it that one alone", Severity::warning);
    }
  }

  void check_opening() {
    if (!sources_.test.shape || !sources_.test.shape->opened || !shape_.opened) return;
    const auto& given = *shape_.opened;
    for (const auto& [name, wanted] : *sources_.test.shape->opened) {
      const auto found = given.find(name);
      if (found == given.end() || found->second == wanted) continue;
      std::string text = "opens the device with ";
      text.append(name).append("=").append(found->second).append(", the original with ").append(wanted);
      add("device-setup", shape_.line, std::move(text), "give it the original's");
    }
  }

  const LintSources& sources_;
  const TestShape& shape_;
  std::vector<LintFinding>& findings_;
};

// "for ((...))", "while ...", "for x in ..." of many or computed words; none that only reads arguments.
bool repeats(const ScriptCommand& command) {
  const auto& words = command.words;
  if (is_one_of(words[0].text, {"while", "until"}))
    return std::none_of(words.begin(), words.end(), [](const ShellWord& word) { return word.text == "-gt"; });
  if (words[0].text != "for") return false;
  const bool names_words = words.size() > 2 && words[2].text == "in";
  const bool few = words.size() < 3 + fewest_repeats && std::all_of(words.begin(), words.end(), [](const ShellWord& w) {
                     return w.has_value && !contains(w.text, "{");
                   });
  return !names_words || !few;
}

bool has_option(const ScriptCommand& command, std::string_view option) {
  return std::any_of(command.words.begin(), command.words.end(),
                     [&](const ShellWord& word) { return word.text.starts_with(option); });
}

// Which test the Google Test program is told to run.
void check_filter(const LintSources& sources, const CaseFile& file, const ScriptCommand& command,
                  std::vector<LintFinding>& findings) {
  const std::string& wanted = sources.evidence.test_id ? sources.evidence.test_id->value : sources.test.function;
  const auto option = std::find_if(command.words.begin(), command.words.end(),
                                   [](const ShellWord& word) { return word.text.starts_with("--gtest_filter="); });
  if (option == command.words.end() || wanted.empty()) return;
  std::string given = option->text.substr(std::string_view{"--gtest_filter="}.size());
  if (!option->has_value) {  // "$NDREPRO_FILTER", which run_test.sh sets
    if (!sources.run_script) return;
    const auto variables = read_shell(script_lines(sources.run_script->text)).variables;
    const auto filter = variables.find("NDREPRO_FILTER");
    if (filter == variables.end() || !filter->second.value) return;
    given = *filter->second.value;
  }
  if (given == wanted) return;
  const bool wide = contains(given, "*") || contains(given, ":");
  add_finding(findings, wide ? "whole-suite" : "wrong-operation", file.path, command.line,
              "runs " + printable(given) + "; what failed is " + printable(wanted),
              "--gtest_filter=" + printable(wanted),
              wide && given.size() > 1 && wanted.starts_with(before(given, "*")) ? Severity::warning : Severity::error);
}

// A loop that run_test.sh starts.
void check_loop(const LintSources& sources, const CaseFile& test, std::vector<LintFinding>& findings) {
  const auto lines = script_lines(test.text);
  const auto commands = read_shell(lines).commands;
  const bool loops = std::any_of(commands.begin(), commands.end(), [](const ScriptCommand& command) {
    return repeats(command) || has_option(command, "--gtest_repeat");
  });
  if (!loops && !script_repeats(sources))
    add_finding(findings, "no-amplification", test.path, 0, "runs the operation once",
                "for ((ran = 0; ran < NDREPRO_ITERATIONS; ran++)); do ...; done");
  for (const ScriptLine& line : lines) {
    const bool clears = holds_any(line.text, {"kill ", "wait", "rm ", "mkdir ", "trap "});
    if (!clears && holds_any(line.text, {"|| true", "|| :", "|| echo"}))
      add_finding(findings, "hidden-failure", test.path, line.line, "takes a failure for a success",
                  "[ \"$status\" -eq 0 ] || exit \"$status\"");
  }
  for (const ScriptCommand& command : commands) {
    if (has_option(command, "--gtest_") && !has_option(command, "--gtest_filter"))
      add_finding(findings, "whole-suite", test.path, command.line, "runs more than the failing test",
                  "--gtest_filter=" + sources.test.function);
    else if (!has_option(command, "--gtest_list_tests"))
      check_filter(sources, test, command, findings);
  }
  if (!test.is_executable && test.path.starts_with("tests/"))
    add_finding(findings, "not-executable", test.path, 0, "is not executable", "chmod +x " + test.path);
}

void check_duration(const LintSources& sources, const CaseFile& test, double longest_s,
                    std::vector<LintFinding>& findings) {
  const Evidence& evidence = sources.evidence;
  const bool hung = evidence.failure_type == FailureType::hang || evidence.failure_type == FailureType::test_timeout;
  if (!evidence.seconds_into_test || hung) return;
  double took = evidence.seconds_into_test->value;
  const auto limit = evidence.timeouts.find("operation_s");
  if (evidence.failure_type == FailureType::device_timeout && limit != evidence.timeouts.end())
    took -= limit->second.value;
  auto iterations = sources.run_script ? iterations_in(sources.run_script->text) : std::nullopt;
  if (!iterations) iterations = iterations_in(test.text);
  if (!iterations || took <= 0 || *iterations * took <= longest_s) return;
  add_finding(findings, "too-long", test.path, 0,
              std::to_string(std::lround(*iterations)) + " iterations take about " +
                  std::to_string(std::lround(*iterations * took)) + " s",
              "at most " + std::to_string(std::max(1L, std::lround(std::floor(longest_s / took)))) +
                  " iterations fit into five minutes");
}

// A Google Test program that run_test.sh starts itself needs no file in tests/.
bool is_own_loop(const LintSources& sources) {
  if (!sources.run_script) return false;
  const ShellScript script = read_shell(script_lines(sources.run_script->text));
  const auto test = test_command(script);
  return test != script.commands.end() && has_option(*test, "--gtest_");
}

}  // namespace

void lint_tests(const LintSources& sources, double longest_s, std::vector<LintFinding>& findings) {
  bool has_test = false;
  const CaseFile* empty = nullptr;
  for (const CaseFile& test : sources.tests) {
    if (!is_stress_test(test)) continue;
    if (!has_test) check_duration(sources, test, longest_s, findings);
    has_test = true;
    if (test.path.ends_with(".sh")) check_loop(sources, test, findings);
    bool has_function = test.path.ends_with(".sh") || !sources.shapes;
    for (const TestShape& shape : sources.shapes ? *sources.shapes : std::vector<TestShape>{}) {
      if (shape.path != test.path) continue;
      has_function = true;
      ShapeLinter{sources, shape, findings}.check();
    }
    if (!has_function) empty = &test;
  }
  if (!has_test && is_own_loop(sources))
    check_loop(sources, *sources.run_script, findings);
  else if (!has_test)
    add_finding(findings, "no-stress-test", "tests", 0, "holds no test_NAME_stress.py or NAME_stress.sh",
                "ndreprod generate CASE");
  else if (empty != nullptr && !is_run_otherwise(*empty))
    add_finding(findings, "no-stress-test", empty->path, 0, "holds no test function", "def test_NAME_stress(...)");
}

}  // namespace ndr
