#include "analyzer/stress/stress_files.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "analyzer/assert.hpp"
#include "analyzer/evidence/text.hpp"
#include "analyzer/printed_text.hpp"
#include "analyzer/stress/shell_text.hpp"

namespace ndr {

const std::map<std::string, std::string_view>& stress_templates();  // embedded

namespace {

constexpr int gtest_block = 10;  // iterations of one process

std::string_view template_named(const char* name) { return stress_templates().at(name); }

std::string value_or(const MaybeSourced<std::string>& value, const char* other) { return value ? value->value : other; }

// A text within a Python docstring of three double quotes.
std::string in_docstring(std::string_view text) {
  std::string safe;
  for (const char c : printable(text.substr(0, 400))) {
    if (c == '\\' || c == '"') safe += '\\';
    safe += c;
  }
  return safe;
}

// A text as a Python literal.
std::string python_text(std::string_view text) {
  std::string literal = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == '"')
      (literal += '\\') += c;
    else if (byte < 0x20 || byte == 0x7f)
      literal.append("\\x").append(1, "0123456789abcdef"[byte >> 4]).append(1, "0123456789abcdef"[byte & 15]);
    else
      literal += c;
  }
  return literal += '"';
}

std::string python_list(const std::vector<std::string>& texts) {
  std::string list = "[";
  for (const std::string& text : texts)
    list.append(list.size() > 1 ? ", " : "").append(python_text(text));
  return list += ']';
}

class FileWriter {
public:
  FileWriter(const StressSources& sources, const StressPlan& plan)
      : sources_(sources), plan_(plan), evidence_(sources.evidence) {}

  std::vector<GeneratedFile> write() {
    std::vector<GeneratedFile> files{{"run_test.sh", run_script(), true}};
    if (plan_.kind == StressKind::pytest) {
      files.push_back({test_path(), stress_test(), false});
      files.push_back({"tests/conftest.py", conftest(), false});
    } else {
      files.push_back({test_path(), loop(), true});
    }
    files.push_back({"README.md", readme(), false});
    return files;
  }

private:
  std::string test_path() const {
    return plan_.kind == StressKind::pytest ? "tests/test_" + plan_.slug + "_stress.py"
                                            : "tests/" + plan_.slug + "_stress.sh";
  }
  std::string error() const { return value_or(evidence_.error_line, "no error line in the logs"); }
  std::string title() const {
    std::string_view test =
        evidence_.test_id ? std::string_view{evidence_.test_id->value} : std::string_view{plan_.slug};
    if (const auto name = after(test, "::")) test = before(*name, "[");
    return std::string{to_text(evidence_.failure_type)} + " of " + std::string{test};
  }

  // A relative checkout moves with the case folder.
  std::string shell_repository() const {
    const std::string& path = sources_.repository;
    return path.starts_with('/') ? shell_quoted(path) : "\"$SCRIPT_DIR\"" + shell_quoted("/" + path);
  }

  // run_test.sh
  std::string exports(std::string& names) const {
    std::string lines;
    for (const PlannedVariable& variable : plan_.variables) {
      const std::string place = variable.place.empty() ? "" : "  # " + shell_comment(variable.place);
      const std::string& name = variable.name;
      std::string unset = "# ";
      unset.append(name).append(" is not set: ").append(variable.reason);
      switch (variable.fate) {
        case VariableFate::exported:
          lines.append("export ").append(name).append("=").append(shell_value(variable.value, plan_.ci_root));
          // This host's own come behind.
          if (is_search_path(name)) lines.append("\"${").append(name).append(":+:$").append(name).append("}\"");
          break;
        case VariableFate::mocked:
          lines.append("or_mock ").append(name).append(" ").append(shell_quoted(variable.value));
          break;
        case VariableFate::quarantined:
          lines.append(unset).append("; it was ").append(shell_comment(variable.value));
          lines.append("; to have it: ndreproctl case approve-env ")
              .append(sources_.case_name)
              .append(" ")
              .append(name);
          break;
        case VariableFate::secret:
          lines.append(unset).append("; export your own");
          break;
        case VariableFate::left_out:
          lines.append(unset);
          break;
      }
      lines.append(place).append("\n");
      const bool is_set = variable.fate == VariableFate::exported || variable.fate == VariableFate::mocked;
      if (is_set) names += " " + name;
    }
    const bool mocks = std::any_of(plan_.variables.begin(), plan_.variables.end(),
                                   [](const PlannedVariable& v) { return v.fate == VariableFate::mocked; });
    if (mocks) lines = std::string{template_named("or_mock.sh.in")} + "\n" + lines;
    if (lines.empty()) lines = "# The logs show no variables.\n";
    lines.pop_back();
    return lines;
  }

  std::string predecessors_block() const {
    if (plan_.predecessors.empty()) return {};
    std::string names;
    for (const std::string& name : plan_.predecessors)
      names.append("\n    ").append(shell_quoted(name));
    const bool is_pytest = plan_.kind == StressKind::pytest;
    return filled(template_named(is_pytest ? "pytest_predecessors.sh.in" : "gtest_predecessors.sh.in"),
                  {{"PREDECESSORS", names.append("\n")}});
  }

  std::string run_block() const {
    if (plan_.kind != StressKind::pytest)
      return predecessors_block() +
             filled(template_named("run_loop.sh.in"), {{"LOOP_FILE", shell_quoted(test_path())}});
    std::string options;
    for (const std::string& option : plan_.options)
      options.append(options.empty() ? "" : " ").append(shell_quoted(option));
    const std::string& settings = sources_.test.stress->pytest_settings;
    return filled(template_named("run_pytest.sh.in"),
                  {{"OPTIONS", options},
                   {"TEST_FILE", shell_quoted(test_path())},
                   {"PREDECESSORS", predecessors_block()},
                   {"PYTEST", plan_.predecessors.empty() ? "\"$python\" -m pytest" : "pytest"},
                   {"SETTINGS", settings.empty() ? "/dev/null" : "\"$REPOSITORY\"" + shell_quoted("/" + settings)}});
  }

  std::string run_script() const {
    const bool is_pytest = plan_.kind == StressKind::pytest;
    std::string names;
    const std::string lines = exports(names);
    std::string run = run_block();
    run.erase(run.find_last_not_of('\n') + 1);
    return filled(template_named("run_test.sh.in"),
                  {{"TITLE", shell_comment(title())},
                   {"ERROR", shell_comment(error())},
                   {"HEADING", shell_quoted("Stress test: " + shell_comment(title()))},
                   {"REPOSITORY", shell_repository()},
                   {"ITERATIONS", std::to_string(plan_.iterations)},
                   {"ITERATIONS_REASON", shell_comment(plan_.iterations_reason)},
                   {"WORKERS", std::to_string(plan_.workers)},
                   {"WORKERS_HELP", is_pytest ? "processes of pytest-xdist, on the same boards"
                                              : "copies beside each other                     "},
                   {"TIMEOUT", std::to_string(plan_.timeout_s)},
                   {"TIMEOUT_HELP", is_pytest ? "limit of one test, in seconds                "
                                              : "limit of one process, in seconds             "},
                   {"FILTER", plan_.kind == StressKind::gtest ? shell_quoted(plan_.filter) : "''"},
                   {"FILTER_HELP", is_pytest                         ? "pytest -k                                    "
                                   : plan_.kind == StressKind::gtest ? "--gtest_filter; the failing test              "
                                                                     : "not used: the command chooses no tests       "},
                   {"ARGUMENTS_HELP", is_pytest ? "go to pytest" : "go to the program"},
                   {"EXPORTS", lines},
                   {"NAMES", names},
                   {"RUN", run}});
  }

  // tests/
  std::string strategy() const {
    const StressCode& stress = *sources_.test.stress;
    const std::string file = sources_.test.file;
    const std::string kept =
        std::to_string(stress.statements_kept) + " of " + std::to_string(stress.statements) + " statements of " + file;
    std::string text = stress.is_slice ? "only the failing operation, " + kept : "the whole original of " + file;
    const bool has_device = sources_.test.fixture_kind != "none";
    text += stress.opened_once ? "; the device stays open over all iterations, as in the original"
            : has_device       ? "; each iteration sets the device up anew, as the original does"
                               : "; each iteration is a test of its own";
    return text;
  }

  std::string stress_test() const {
    std::string text = "\"\"\"\nStress test to reproduce: " + in_docstring(title()) + "\n\n";
    text += "Original failure: " + in_docstring(value_or(evidence_.job, "a job that the logs do not name"));
    text += " - " + in_docstring(value_or(evidence_.failed_at, "the logs have no date")) + "\n";
    text += "Error: " + in_docstring(error()) + "\n";
    if (sources_.test.failing_line > 0)
      text += "Fails at: " + in_docstring(sources_.test.failing_statement) + " (" + in_docstring(sources_.test.file) +
              ":" + std::to_string(sources_.test.failing_line) + ")\n";
    text += "Strategy: " + in_docstring(strategy()) + ".\n\nRun with:\n    ./run_test.sh\n\"\"\"\n";
    return text + sources_.test.stress->code;
  }

  std::string conftest() const {
    const StressCode& stress = *sources_.test.stress;
    const std::string& path = sources_.repository;
    const std::string repository = path.starts_with('/')
                                       ? python_text(path)
                                       : "pathlib.Path(__file__).resolve().parent.parent / " + python_text(path);
    std::vector<std::string> folders{"."};
    if (!stress.import_folder.empty()) folders.push_back(stress.import_folder);
    return filled(template_named("conftest.py.in"), {{"REPOSITORY", repository},
                                                     {"CONFTESTS", python_list(stress.conftests)},
                                                     {"IMPORT_FOLDERS", python_list(folders)}});
  }

  std::string loop() const {
    if (plan_.kind == StressKind::gtest)
      return filled(template_named("gtest_loop.sh.in"), {{"TEST", shell_comment(plan_.filter)},
                                                         {"ERROR", shell_comment(error())},
                                                         {"LOOP_FILE", plan_.slug + "_stress.sh"},
                                                         {"BINARY", shell_quoted(plan_.binary)},
                                                         {"BLOCK", std::to_string(gtest_block)}});
    std::string words;
    for (const std::string& word : plan_.command)
      words.append(words.empty() ? "" : " ").append(shell_quoted(word));
    return filled(template_named("command_loop.sh.in"),
                  {{"ERROR", shell_comment(error())}, {"LOOP_FILE", plan_.slug + "_stress.sh"}, {"COMMAND", words}});
  }

  // README.md
  std::string frequency() const {
    const auto& logs = evidence_.logs;
    const auto shown = std::count_if(logs.begin(), logs.end(), [](const LogOutcome& log) { return log.same_failure; });
    if (logs.size() < 2) return "unknown: there is one log";
    return std::to_string(shown) + " of " + std::to_string(logs.size()) +
           " logs show it; how often CI passes is unknown";
  }
  std::string causes() const {
    std::string text = "Not known yet. What the logs speak for (weights are no probabilities):\n";
    for (const Hypothesis& hypothesis : sources_.hypotheses) {
      text += "\n- " + std::string{to_text(hypothesis.cause)} + ", " +
              std::to_string(std::lround(hypothesis.weight * 100)) + " %";
      for (const auto& reason : hypothesis.reasons)
        text += (&reason == &hypothesis.reasons.front() ? ": " : "; ") + markdown_text(reason.value) + " (" +
                markdown_text(place_of(evidence_.files, reason.origin)) + ")";
    }
    return text;
  }
  std::string strategies() const {
    std::string text;
    if (plan_.kind == StressKind::pytest) {
      text += "- running " + markdown_text(strategy()) + "\n";
      for (const std::string& reason : sources_.test.stress->reasons)
        text += "- no slice of it is safe: " + markdown_text(reason) + "\n";
    } else {
      text += plan_.kind == StressKind::gtest
                  ? "- running " + markdown_text(plan_.filter) + " alone, by `--gtest_filter`\n"
                  : std::string{"- running CI's own command\n"};
    }
    return text + "- repeating it " + std::to_string(plan_.iterations) + " times";
  }
  std::string not_replicated() const {
    std::string text;
    for (const NotReplicable& item : sources_.not_replicable)
      text.append(text.empty() ? "" : "\n")
          .append("- ")
          .append(markdown_text(item.what))
          .append(": ")
          .append(to_text(item.substitute))
          .append(", ")
          .append(markdown_text(item.reason));
    return text.empty() ? "- nothing was found" : text;
  }
  std::string readme() const {
    const std::string error_text = markdown_text(error());
    const std::string place =
        evidence_.error_line ? " (" + markdown_text(place_of(evidence_.files, evidence_.error_line->origin)) + ")" : "";
    return filled(template_named("README.md.in"),
                  {{"TITLE", markdown_text(title())},
                   {"JOB", markdown_text(value_or(evidence_.job, "not in the logs"))},
                   {"DATE", markdown_text(value_or(evidence_.failed_at, "not in the logs"))},
                   {"FREQUENCY", frequency()},
                   {"ERROR", error_text + place},
                   {"TEST", markdown_text(value_or(evidence_.test_id, "not in the logs"))},
                   {"CAUSES", causes()},
                   {"STRATEGY", strategies()},
                   {"NOT_REPLICATED", not_replicated()},
                   {"ITERATIONS", std::to_string(plan_.iterations)},
                   {"CASE", sources_.case_name},
                   {"FAILURE", error_text + ", as in CI; only a run that matches it counts"}});
  }

  const StressSources& sources_;
  const StressPlan& plan_;
  const Evidence& evidence_;
};

}  // namespace

std::string filled(std::string_view template_text,
                   const std::vector<std::pair<std::string_view, std::string>>& values) {
  std::string text;
  while (!template_text.empty()) {
    const auto begin = template_text.find('@');
    text += template_text.substr(0, begin);
    if (begin == std::string_view::npos) break;
    template_text.remove_prefix(begin + 1);
    const auto end = template_text.find('@');
    const std::string_view name = template_text.substr(0, end);
    const auto value = std::find_if(values.begin(), values.end(), [&](const auto& v) { return v.first == name; });
    if (end == std::string_view::npos || value == values.end()) {
      text += '@';
      continue;
    }
    text += value->second;
    template_text.remove_prefix(end + 1);
  }
  return text;
}

std::vector<GeneratedFile> stress_files(const StressSources& sources, const StressPlan& plan) {
  NDR_ASSERT(plan.kind != StressKind::pytest || sources.test.stress.has_value());
  return FileWriter{sources, plan}.write();
}

}  // namespace ndr
