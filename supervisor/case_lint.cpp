#include "supervisor/case_lint.hpp"

#include "analyzer/stress/recipe.hpp"

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "analyzer/evidence/text.hpp"
#include "storage/atomic_file.hpp"
#include "storage/log_file.hpp"
#include "storage/test_source_json.hpp"
#include "supervisor/case_generation.hpp"
#include "supervisor/child_answer.hpp"
#include "supervisor/test_source.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_case_file = 1u << 20;
constexpr std::size_t most_tests = 64;
constexpr std::chrono::seconds tool_limit{20};

// Python that compiles a file without leaving anything behind, and says "LINE: message".
constexpr const char* compile_script = R"(
import sys
try:
    compile(sys.stdin.buffer.read(), sys.argv[1], "exec")
except (SyntaxError, ValueError) as error:
    print(f"{getattr(error, 'lineno', None) or 1}: {getattr(error, 'msg', error)}")
except (RecursionError, MemoryError, OverflowError):
    print("1: is nested too deeply for Python")
)";

std::optional<CaseFile> file_at(const CaseFolder& folder, const std::string& path) {
  std::error_code error;
  const fs::path file = folder.root() / path;
  const fs::file_status status = fs::symlink_status(file, error);
  if (!fs::exists(status)) return std::nullopt;
  constexpr auto executable = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;
  return CaseFile{path, read_file(file, largest_case_file), (status.permissions() & executable) != fs::perms::none};
}

std::vector<CaseFile> tests_of(const CaseFolder& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry{folder.tests(), error}, end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if ((name.ends_with(".py") || name.ends_with(".sh")) && fs::is_regular_file(entry->symlink_status(ignored)))
      names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  if (names.size() > most_tests) names.resize(most_tests);
  std::vector<CaseFile> files;
  for (const std::string& name : names) {
    if (auto file = file_at(folder, "tests/" + name)) files.push_back(std::move(*file));
  }
  return files;
}

class Tools {
public:
  explicit Tools(CaseLint& result) : result_(result) {}

  void check(const CaseFile& file) {
    if (file.path.ends_with(".py"))
      compile(file);
    else
      check_shell(file);
  }

private:
  std::optional<fs::path> tool(const std::string& name) {
    auto program = find_program(name);
    auto& skipped = result_.skipped;
    if (!program && std::find(skipped.begin(), skipped.end(), name) == skipped.end()) skipped.push_back(name);
    return program;
  }
  void add(const char* rule, Severity severity, const CaseFile& file, std::string_view line, std::string_view text,
           std::string remedy) {
    result_.findings.push_back(
        {rule, severity, file.path, to_number(trim(line)).value_or(0), std::string{trim(text)}, std::move(remedy)});
  }
  void compile(const CaseFile& file) {
    const auto python = tool("python3");
    if (!python) return;
    const auto said = ask_child({*python, {"-I", "-S", "-c", compile_script, file.path}, file.text, "", tool_limit});
    const std::string text = said ? said->output : "1: takes too long to compile";
    if (const auto message = after(text, ": "))
      add("syntax", Severity::error, file, before(text, ": "), before(*message, "\n"), "mend the line");
  }
  void check_shell(const CaseFile& file) {
    if (const auto bash = tool("bash")) {
      const auto said = ask_child({*bash, {"--norc", "-n", "-s"}, file.text, "", tool_limit});
      // "bash: line 7: syntax error near ..."
      if (said && !said->succeeded()) {
        const std::string errors = said->errors.empty() ? "1: bash dies of it" : said->errors;
        const std::string_view message = after(errors, "line ").value_or(errors);
        add("syntax", Severity::error, file, before(message, ":"), before(after(message, ": ").value_or(message), "\n"),
            "mend the line");
      }
    }
    const auto shellcheck = tool("shellcheck");
    if (!shellcheck) return;
    const auto said = ask_child(
        {*shellcheck, {"--norc", "-s", "bash", "-e", "SC1090,SC1091", "-f", "gcc", "-"}, file.text, "", tool_limit});
    if (!said) result_.skipped.emplace_back("shellcheck (it takes too long)");
    if (!said) return;
    // "-:7:3: warning: text [SC2086]"
    for (const std::string_view line : split(said->output, '\n')) {
      if (!line.starts_with("-:")) continue;
      const std::string_view rest = line.substr(2);
      const auto message = after(rest, ": ");
      const Severity severity = message && message->starts_with("error") ? Severity::error : Severity::warning;
      if (message)
        add("shellcheck", severity, file, before(rest, ":"), after(*message, ": ").value_or(*message),
            "see the code in shellcheck's wiki");
    }
  }

  CaseLint& result_;
};

// What the logs and the checkout say; without logs nothing is compared with them.
CaseAnalysis analysis_of(const CaseFolder& folder, const CaseSettings& settings) {
  const auto logs = ci_logs(folder);
  if (logs.has_error()) {
    CaseAnalysis none;
    none.problems.push_back(logs.error());
    return none;
  }
  auto extraction = read_case_logs(folder, *logs);
  if (extraction.has_error()) {
    CaseAnalysis none;
    none.problems.push_back(extraction.error());
    return none;
  }
  return analyze_case(std::move(*extraction), checkout_of(folder, settings), true);
}

// What the reader says of the stress tests; a file that is no Python is its compiler's to tell.
std::optional<std::vector<TestShape>> shapes_of(const CaseFolder& folder, const std::vector<CaseFile>& tests,
                                                CaseLint& result) {
  std::vector<std::string> paths;
  for (const CaseFile& test : tests) {
    if (test.path.ends_with(".py")) paths.push_back(test.path);
  }
  if (paths.empty()) return std::vector<TestShape>{};
  const auto answer = read_stress_tests(folder.root(), paths, result.analysis.test);
  auto shapes = answer ? test_shapes_from(*answer) : Checked<std::vector<TestShape>>{answer.error()};
  if (shapes) return std::move(*shapes);
  const Refusal& problem = shapes.error();
  if (problem.field != "python3") result.analysis.problems.push_back(problem);
  return std::nullopt;
}

bool is_in_checkout(const CaseFolder& folder, const CaseAnalysis& analysis) {
  if (!analysis.repository) return false;
  const fs::path relative = folder.root().lexically_relative(*analysis.repository);
  return !relative.empty() && *relative.begin() != "..";
}

// What generate wrote beside files that were edited by hand.
void add_new_files(const CaseFolder& folder, const std::vector<CaseFile>& tests, CaseLint& result) {
  std::vector<std::string> paths{"run_test.sh", "README.md"};
  for (const CaseFile& test : tests)
    paths.push_back(test.path);
  for (const std::string& path : paths) {
    std::error_code error;
    if (fs::exists(folder.root() / (path + ".new"), error))
      result.findings.push_back({"new-file", Severity::note, path + ".new", 0,
                                 "is what `generate` would have written in place of " + path,
                                 "take over what you want of it, then delete it"});
  }
}

bool has_run_log(const CaseFolder& folder) {
  std::error_code error;
  for (fs::directory_iterator entry{folder.logs(), error}, end; !error && entry != end; entry.increment(error)) {
    if (run_log_number(entry->path().filename().string())) return true;
  }
  return false;
}

}  // namespace

bool CaseLint::has_errors() const {
  return std::any_of(findings.begin(), findings.end(), [](const auto& f) { return f.severity == Severity::error; });
}

Checked<CaseLint> lint_case(const CaseFolder& folder, const CaseSettings& settings) {
  CaseLint result;
  try {
    auto script = file_at(folder, "run_test.sh");
    if (script) script->text = with_blank_recipe(script->text);
    auto tests = tests_of(folder);
    auto readme = file_at(folder, "README.md");
    result.analysis = analysis_of(folder, settings);
    const Evidence& evidence = result.analysis.extraction.evidence;
    const std::vector<PlannedVariable> variables =
        plan_environment({evidence, settings, environment_of(result.analysis.jobs), result.analysis.job_files.paths(),
                          ci_root_of(evidence)});
    const auto has_path = [](const std::string& path) {
      std::error_code error;
      return fs::exists(path, error);
    };
    auto shapes = shapes_of(folder, tests, result);
    result.findings = lint({script, tests, readme, has_run_log(folder), evidence, result.analysis.test, variables,
                            settings.approved, std::move(shapes), is_in_checkout(folder, result.analysis), has_path});
    // What could not be read is not compared with anything.
    for (const Refusal& problem : result.analysis.problems)
      result.findings.push_back({"not-compared", Severity::warning, problem.field, 0, problem.reason, problem.remedy});
    add_new_files(folder, tests, result);
    Tools tools{result};
    // Of a script that is none yet the rest says nothing.
    const bool is_script = std::none_of(result.findings.begin(), result.findings.end(), [](const LintFinding& finding) {
      return is_one_of(finding.rule, {"not-filled-in", "line-ends"});
    });
    if (script && is_script) tools.check(*script);
    for (const CaseFile& test : tests)
      tools.check(test);
  } catch (const std::system_error& error) {
    return Refusal{folder.root().string(), error.what(), "make its files regular, readable and at most 1 MiB"};
  }
  // A file that is no Python holds no test for that reason.
  std::set<std::string> unreadable;
  for (const LintFinding& finding : result.findings) {
    if (finding.rule == "syntax") unreadable.insert(finding.file);
  }
  std::erase_if(result.findings, [&](const LintFinding& finding) {
    return finding.rule == "no-stress-test" && unreadable.count(finding.file) > 0;
  });
  sort_findings(result.findings);
  return result;
}

}  // namespace ndr
