#include <algorithm>
#include <array>
#include <utility>

#include "analyzer/evidence/secrets.hpp"
#include "analyzer/evidence/text.hpp"
#include "analyzer/printed_text.hpp"
#include "analyzer/stress/lint_parts.hpp"
#include "analyzer/stress/shell_commands.hpp"

namespace ndr {
namespace {

class EnvironmentLinter {
public:
  EnvironmentLinter(const LintSources& sources, const CaseFile& script, const std::vector<ScriptLine>& lines,
                    std::uint64_t command, std::vector<LintFinding>& findings)
      : sources_(sources),
        script_(script),
        findings_(findings),
        shell_(read_shell(lines, command)),
        ci_root_(ci_root_of(sources.evidence)) {}

  void check() {
    for (const PlannedVariable& variable : sources_.variables)
      check_variable(variable);
    check_checkout();
    for (const auto& [name, variable] : shell_.variables) {
      if (variable.is_set && variable.is_exported) check_loader(name, variable);
      if (variable.is_set && variable.value && *variable.value == "***")
        add("secret", variable.line, "sets a variable to what CI shows in place of a secret", "leave it out");
      else if (variable.is_set && variable.value && is_secret(name, *variable.value))
        add("secret", variable.line, "holds what looks like a secret: " + name, "take it from the environment");
    }
  }

private:
  void add(const char* rule, std::uint64_t line, std::string text, std::string remedy,
           Severity severity = Severity::error) {
    findings_.push_back({rule, severity, script_.path, line, std::move(text), std::move(remedy)});
  }
  const ShellVariable* variable_of(const std::string& name) const {
    const auto found = shell_.variables.find(name);
    return found == shell_.variables.end() ? nullptr : &found->second;
  }

  // A checkout that is named by its whole path.
  void check_checkout() {
    constexpr std::string_view assignment = "REPOSITORY=";
    for (const ScriptCommand& command : shell_.commands) {
      if (!command.words[0].text.starts_with(assignment) && command.words[0].text != "export") continue;
      for (const ShellWord& word : command.words) {
        const std::string path = word.text.substr(std::min(assignment.size(), word.text.size()));
        if (!word.text.starts_with(assignment) || !word.has_value || !path.starts_with("/") || sources_.has_path(path))
          continue;
        add("missing-path", command.line, "takes " + printable(path) + " for the checkout, which is not here",
            "name yours");
        return;
      }
    }
  }

  // What loads or runs code, and was set by whoever wrote the script: CI need not have had it.
  void check_loader(const std::string& name, const ShellVariable& variable) {
    constexpr std::array<std::string_view, 6> harmful{"LD_PRELOAD",     "LD_AUDIT",      "PYTEST_ADDOPTS",
                                                      "PYTEST_PLUGINS", "PYTHONSTARTUP", "BASH_ENV"};
    const auto& approved = sources_.approved;
    const bool planned = std::any_of(sources_.variables.begin(), sources_.variables.end(),
                                     [&](const PlannedVariable& v) { return v.name == name; });
    const bool acts = std::find(harmful.begin(), harmful.end(), name) != harmful.end();
    if (acts && !planned && std::find(approved.begin(), approved.end(), name) == approved.end())
      add("loader-variable", variable.line, "sets " + name + ": code is loaded or run because of it",
          "leave it out, or approve it: ndreproctl case approve-env CASE " + name);
  }

  void check_variable(const PlannedVariable& planned) {
    const ShellVariable* set = variable_of(planned.name);
    const bool is_set = set != nullptr && set->is_set;
    switch (planned.fate) {
      case VariableFate::exported:
      case VariableFate::mocked:
        if (!is_set)
          check_missing(planned, set);
        else if (!set->is_exported)
          add("missing-environment", set->line, "sets " + planned.name + " and does not export it: the test lacks it",
              "export " + planned.name);
        else
          check_value(planned, *set);
        break;
      case VariableFate::quarantined:
        if (is_set)
          add("loader-variable", set->line, "sets " + planned.name + ": " + planned.reason,
              "leave it out, or approve it: ndreproctl case approve-env CASE " + planned.name);
        break;
      case VariableFate::secret:
      case VariableFate::left_out:
        break;
    }
  }

  // What case.yaml says the daemon gives to its runs; the script alone lacks it. What another file sets is not known.
  void check_missing(const PlannedVariable& planned, const ShellVariable* unset) {
    const bool own = planned.place.starts_with("case.yaml");
    const std::string remedy =
        "export " + planned.name + "=" + printable(shell_value(planned.value, ci_root_).substr(0, 200));
    const std::string whose = own ? ", which case.yaml has" : ", which CI had (" + planned.place + ")";
    if (unset != nullptr)
      add("missing-environment", unset->line, "takes away " + planned.name + whose, "leave it set");
    else if (shell_.sources)
      add("missing-environment", *shell_.sources, "does not set " + planned.name + whose + "; the file here may",
          remedy, Severity::warning);
    else
      add("missing-environment", 0, "does not set " + planned.name + whose + (own ? "; the daemon gives it" : ""),
          remedy, own ? Severity::note : Severity::error);
  }

  void check_value(const PlannedVariable& planned, const ShellVariable& set) {
    if (planned.fate == VariableFate::mocked) {
      const bool is_mock = set.value != planned.value;
      if (!is_mock && !sources_.has_path(planned.value))
        add("missing-path", set.line, "uses " + planned.value + ", which is not on this host",
            "mock it: an empty folder, or leave it out", Severity::warning);
      return;
    }
    // A place in CI's checkout lies in this host's now, and a list of folders may have more of them.
    const bool is_place = contains(planned.value, "/");
    if (is_place && set.value && !ci_root_.empty() && set.value->starts_with(ci_root_) && !sources_.has_path(ci_root_))
      add("missing-path", set.line,
          "sets " + planned.name + " to a place in CI's checkout, " + printable(ci_root_) +
              ", which is not on this host",
          "name yours: \"$REPOSITORY\"", Severity::warning);
    if (!set.value || *set.value == planned.value || *set.value == "***" || is_place) return;
    const std::string joined = "_" + to_lower(planned.name) + "_";
    const bool is_limit = contains(joined, "timeout") || contains(joined, "_hang_");
    add("wrong-environment", set.line,
        "sets " + planned.name + " to " + (set.value->empty() ? "nothing" : printable(set.value->substr(0, 80))) +
            ", " + (planned.place.starts_with("case.yaml") ? "case.yaml" : "CI") + " has " +
            printable(planned.value.substr(0, 80)) + " (" + planned.place + ")",
        "give it that value", is_limit ? Severity::error : Severity::warning);
  }

  const LintSources& sources_;
  const CaseFile& script_;
  std::vector<LintFinding>& findings_;
  ShellScript shell_;
  std::string ci_root_;
};

}  // namespace

void lint_environment(const LintSources& sources, const CaseFile& script, const std::vector<ScriptLine>& lines,
                      std::uint64_t command, std::vector<LintFinding>& findings) {
  EnvironmentLinter{sources, script, lines, command, findings}.check();
}

}  // namespace ndr
