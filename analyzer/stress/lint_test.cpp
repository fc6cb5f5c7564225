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

// Whatever its name says: "test_*_stress.py" is the custom, "test_gather_device_timeout.py" is one as well.
bool is_stress_test(const CaseFile& file) {
  const std::string_view name = file_name(file.path);
  return name.ends_with(".sh") ||
         (name.ends_with(".py") &&
          (name.starts_with("test_") || name.ends_with("_test.py") || contains(name, "stress")) &&
          name != "conftest.py");
}

// NDREPRO_ITERATIONS' default, of a test in Python range(50) too: how often it runs, where a number says so.
std::optional<double> iterations_in(std::string_view text, bool is_python) {
  for (const std::string_view mark : {"NDREPRO_ITERATIONS:-", "NDREPRO_ITERATIONS\", \"", "range("}) {
    if (mark == "range(" && !is_python) continue;
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

// One test function against the original, by their shapes.
class ShapeLinter {
public:
  ShapeLinter(const LintSources& sources, const Starter& starter, const TestShape& shape,
              std::vector<LintFinding>& findings)
      : sources_(sources), starter_(starter), shape_(shape), findings_(findings) {}

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
    const auto told = sources_.run_script ? iterations_in(sources_.run_script->text, false) : std::nullopt;
    if (told && *told <= 1 && !takes_long())
      add("no-amplification", shape_.line, "runs the operation once, by run_test.sh's NDREPRO_ITERATIONS",
          "make its default larger");
    if (!shape_.repeats || *shape_.repeats >= fewest_repeats || starter_.repeats) return;
    const bool once = *shape_.repeats <= 1;
    add("no-amplification", shape_.line,
        once ? "runs the operation once" : "runs the operation " + std::to_string(*shape_.repeats) + " times only",
        "repeat it: @pytest.mark.parametrize(\"iteration\", range(50))",
        once && shape_.loops.empty() ? Severity::error : Severity::warning);
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
        add("hidden-failure", place.line, "hides a failure: " + place.text, "leave it out",
            place.text.ends_with("on a condition") ? Severity::warning : Severity::error);
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
          "see " + sources_.test.file + ":" + std::to_string(sources_.test.failing_line),
          shape_.takes_helpers ? Severity::warning : Severity::error);
  }

  // The failing id's own parameters, where the test gives these names anything.
  void check_values() {
    if (!sources_.test.shape) return;
    for (const auto& [name, wanted] : sources_.test.shape->values) {
      const auto given = shape_.values.find(name);
      if (given == shape_.values.end() || given->second.empty() || wanted.empty()) continue;
      const auto& values = given->second;
      if (std::find(values.begin(), values.end(), wanted.front()) != values.end() || may_be(values, wanted.front()))
        continue;
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
    const auto last_name = [](std::string_view name) { return name.substr(name.find_last_of('.') + 1); };
    const bool same_call = shape_.opened && (!shape_.fixture_kind.starts_with("direct:") ||
                                             last_name(shape_.fixture_kind) == last_name(kind));
    if (kind.starts_with("direct:") && !same_call && shape_.own_fixture.empty())
      add("device-setup", shape_.line, "does not open the device by " + kind.substr(7) + " as the original does",
          "call it with the original's arguments", shape_.takes_helpers ? Severity::warning : Severity::error);
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
    const bool loads = conftest != sources_.tests.end() &&
                       holds_any(conftest->text,
                                 {"import_module", "from_file_location", "pytest_plugins", "exec(", "from ", "def "}) &&
                       !contains(conftest->text, "CONFTESTS = []");
    const bool by_option = sources_.run_script && holds_any(sources_.run_script->text, {" --confcutdir", " -p ndr_"});
    for (const std::string& name : shape_.fixtures) {
      if (loads || by_option || original_defines(name)) continue;
      add("device-setup", shape_.line, "asks for the fixture " + name + ", which nothing here defines",
          "load the checkout's conftest.py in tests/conftest.py, as ndreprod generate CASE does");
    }
  }

  // A call or a name of another file may be the same value in other words.
  static bool may_be(const std::vector<std::string>& values, const std::string& wanted) {
    const bool is_there = std::find(values.begin(), values.end(), wanted) != values.end();
    const bool unsure = wanted.starts_with("?") || std::any_of(values.begin(), values.end(), [](const auto& value) {
                          return value.starts_with("?");
                        });
    return unsure && !(is_there && values.size() > 1);
  }

  void check_set_up() {
    if (!sources_.test.shape) return;
    for (const auto& [name, wanted] : sources_.test.shape->set_up) {
      if (wanted.empty()) continue;
      const auto given = shape_.set_up.find(name);
      if (given == shape_.set_up.end()) {
        add("device-setup", shape_.line, "does not give " + name + " what the original gives it: " + wanted.front(),
            "@pytest.mark.parametrize(\"" + name + "\", [" + wanted.front() + "], indirect=True)",
            shape_.takes_helpers ? Severity::warning : Severity::error);
        continue;
      }
      const auto& values = given->second;
      if (values.empty()) continue;  // nobody knows without running it
      if (may_be(values, wanted.front())) continue;
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
    const auto say = [&](const std::string& name, const std::string& here, const std::string& there) {
      std::string text = "opens the device with ";
      text.append(name).append("=").append(here).append(", the original ").append(there);
      add("device-setup", shape_.line, std::move(text), "give it the original's arguments");
    };
    const auto& original = *sources_.test.shape->opened;
    for (const auto& [name, wanted] : original) {
      const auto found = given.find(name);
      if (found == given.end() && given.count("**") > 0) continue;
      if (found == given.end())
        add("device-setup", shape_.line, "opens the device without " + name + ", which the original gives it",
            "give it the original's arguments");
      else if (!found->second.starts_with("?") && !wanted.starts_with("?") && found->second != wanted)
        say(name, found->second, "with " + wanted);
    }
    for (const auto& [name, value] : given) {
      if (name != "**" && original.count(name) == 0 && original.count("**") == 0) say(name, value, "without it");
    }
  }

  const LintSources& sources_;
  const Starter& starter_;
  const TestShape& shape_;
  std::vector<LintFinding>& findings_;
};

void check_duration(const LintSources& sources, const CaseFile& test, double longest_s,
                    std::vector<LintFinding>& findings) {
  const Evidence& evidence = sources.evidence;
  const bool hung = evidence.failure_type == FailureType::hang || evidence.failure_type == FailureType::test_timeout;
  if (!evidence.seconds_into_test || hung) return;
  double took = evidence.seconds_into_test->value;
  const auto limit = evidence.timeouts.find("operation_s");
  if (evidence.failure_type == FailureType::device_timeout && limit != evidence.timeouts.end())
    took -= limit->second.value;
  auto iterations = sources.run_script ? iterations_in(sources.run_script->text, false) : std::nullopt;
  if (!iterations) iterations = iterations_in(test.text, test.path.ends_with(".py"));
  if (!iterations || took <= 0 || *iterations * took <= longest_s) return;
  add_finding(findings, "too-long", test.path, 0,
              std::to_string(std::lround(*iterations)) + " iterations take about " +
                  std::to_string(std::lround(*iterations * took)) + " s",
              "at most " + std::to_string(std::max(1L, std::lround(std::floor(longest_s / took)))) +
                  " iterations fit into five minutes");
}

}  // namespace

void lint_tests(const LintSources& sources, double longest_s, std::vector<LintFinding>& findings) {
  const Starter starter = starter_of(sources);
  const CaseFile* first = nullptr;
  bool has_test = false;
  for (const CaseFile& test : sources.tests) {
    if (!is_stress_test(test)) continue;
    if (first == nullptr) check_duration(sources, test, longest_s, findings);
    if (first == nullptr) first = &test;
    if (test.path.ends_with(".sh")) {
      lint_loop(sources, starter, test, findings);
      has_test = true;
      continue;
    }
    has_test = has_test || !sources.shapes || is_run_otherwise(test);
    // Of several tests in a file one is the stress test: the one of which the least is to be said.
    std::optional<std::vector<LintFinding>> fewest;
    for (const TestShape& shape : sources.shapes ? *sources.shapes : std::vector<TestShape>{}) {
      if (shape.path != test.path) continue;
      std::vector<LintFinding> found;
      ShapeLinter{sources, starter, shape, found}.check();
      if (!fewest || found.size() < fewest->size()) fewest = std::move(found);
    }
    if (!fewest) continue;
    has_test = true;
    findings.insert(findings.end(), fewest->begin(), fewest->end());
  }
  const bool is_pytest = sources.test.framework == "pytest" ||
                         (sources.evidence.test_id && contains(sources.evidence.test_id->value, "::"));
  if (first == nullptr && sources.run_script && (starter.is_own_loop || (!is_pytest && sources.evidence.command)))
    lint_loop(sources, starter, *sources.run_script, findings);
  else if (first == nullptr)
    add_finding(findings, "no-stress-test", "tests", 0, "holds no test_NAME_stress.py or NAME_stress.sh",
                "ndreprod generate CASE");
  else if (!has_test)
    add_finding(findings, "no-stress-test", first->path, 0, "holds no test function", "def test_NAME_stress(...)");
}

}  // namespace ndr
