#include "analyzer/stress/lint_test.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "analyzer/evidence/text.hpp"
#include "analyzer/stress/script_lines.hpp"

namespace ndr {
namespace {

bool is_stress_test(const CaseFile& file) {
  const std::string_view name = file_name(file.path);
  return contains(name, "stress") && (name.ends_with(".py") || name.ends_with(".sh"));
}

bool holds_any(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return contains(text, part); });
}

std::uint64_t line_of(std::string_view text, std::string_view part) {
  const auto at = text.find(part);
  return at == std::string_view::npos ? 0 : 1 + count_newlines(text.substr(0, at));
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

class TestLinter {
public:
  TestLinter(const LintSources& sources, const CaseFile& test, std::vector<LintFinding>& findings)
      : sources_(sources), test_(test), findings_(findings) {}

  void check(double longest_s) {
    const bool repeats =
        holds_any(test_.text, {"range(", "NDREPRO_ITERATIONS", "--gtest_repeat", "for (("}) ||
        (sources_.run_script && holds_any(sources_.run_script->text, {"--gtest_repeat", "--count", "for (("}));
    if (!repeats)
      add("no-amplification", 0, "runs the operation once",
          "repeat it: @pytest.mark.parametrize(\"iteration\", range(50))");
    if (test_.path.ends_with(".py")) check_device();
    check_duration(longest_s);
  }

private:
  void add(const char* rule, std::uint64_t line, std::string text, std::string remedy,
           Severity severity = Severity::error) {
    findings_.push_back({rule, severity, test_.path, line, std::move(text), std::move(remedy)});
  }

  // "fixture:mesh_device (indirect)" wants the fixture of that name, "direct:ttnn.open_device" that call, "none"
  // neither.
  void check_device() {
    const std::string& kind = sources_.test.fixture_kind;
    if (sources_.test.file.empty() || kind.empty()) return;
    if (holds_any(test_.text, {"import_module(", " as original"})) return;  // the original itself
    if (kind.starts_with("fixture:")) {
      const std::string name{before(std::string_view{kind}.substr(8), " ")};
      if (!asks_for(name))
        add("device-setup", 0,
            "does not use the fixture " + name + " as the original does (" + sources_.test.file + ")",
            "take " + name + " as an argument of the test");
      const std::string own_scope = "use_module_device";
      if (contains(kind, own_scope) && !contains(test_.text, own_scope))
        add("device-setup", 0, "lacks the original's mark " + own_scope, "pytestmark = pytest.mark." + own_scope);
      return;
    }
    const bool opens = holds_any(test_.text, {"open_device(", "open_mesh_device(", "CreateDevice"});
    if (kind.starts_with("direct:") && !opens)
      add("device-setup", 0, "does not open the device by " + kind.substr(7) + " as the original does",
          "call it with the original's arguments");
    if (kind == "none" && opens)
      add("device-setup", line_of(test_.text, "open_"), "opens a device, which the original does not", "leave it out");
  }
  // As an argument of a test, or by a mark that names it.
  bool asks_for(const std::string& fixture) const {
    for (auto at = test_.text.find("def test"); at != std::string::npos; at = test_.text.find("def test", at + 1)) {
      const auto end = test_.text.find("):", at);
      if (has_word(std::string_view{test_.text}.substr(at, end - at), fixture)) return true;
    }
    return contains(test_.text, "usefixtures(\"" + fixture);
  }

  void check_duration(double longest_s) {
    const Evidence& evidence = sources_.evidence;
    const bool hung = evidence.failure_type == FailureType::hang || evidence.failure_type == FailureType::test_timeout;
    if (!evidence.seconds_into_test || hung) return;
    double took = evidence.seconds_into_test->value;
    const auto limit = evidence.timeouts.find("operation_s");
    if (evidence.failure_type == FailureType::device_timeout && limit != evidence.timeouts.end())
      took -= limit->second.value;
    auto iterations = sources_.run_script ? iterations_in(sources_.run_script->text) : std::nullopt;
    if (!iterations) iterations = iterations_in(test_.text);
    if (!iterations || took <= 0 || *iterations * took <= longest_s) return;
    add("too-long", 0,
        std::to_string(std::lround(*iterations)) + " iterations take about " +
            std::to_string(std::lround(*iterations * took)) + " s",
        "at most " + std::to_string(std::max(1L, std::lround(std::floor(longest_s / took)))) +
            " iterations fit into five minutes");
  }

  const LintSources& sources_;
  const CaseFile& test_;
  std::vector<LintFinding>& findings_;
};

}  // namespace

void lint_tests(const LintSources& sources, double longest_s, std::vector<LintFinding>& findings) {
  const auto test = std::find_if(sources.tests.begin(), sources.tests.end(), is_stress_test);
  if (test == sources.tests.end()) {
    findings.push_back({"no-stress-test", Severity::error, "tests", 0, "holds no test_NAME_stress.py or NAME_stress.sh",
                        "ndreprod generate CASE"});
    return;
  }
  TestLinter{sources, *test, findings}.check(longest_s);
}

}  // namespace ndr
