#include "analyzer/stress/environment.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "analyzer/evidence/formats_command.hpp"
#include "analyzer/evidence/secrets.hpp"
#include "analyzer/evidence/text.hpp"
#include "analyzer/stress/shell_text.hpp"

namespace ndr {
namespace {

// What the generated scripts use themselves.
bool is_reserved(std::string_view name) {
  return name.starts_with("NDREPRO_") ||
         is_one_of(name, {"REPOSITORY", "SCRIPT_DIR", "name", "variable", "activate", "python", "options", "copies",
                          "copy", "status", "test_result", "binary", "block", "ran", "count", "command"});
}

// What this host says of itself.
bool is_of_host(std::string_view name) {
  return is_one_of(name, {"HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "HOSTNAME", "TERM", "SHLVL", "TMPDIR",
                          "MAIL", "DISPLAY", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR", "CI", "_", "UID", "EUID", "PPID"});
}

// Limits and what watches for hangs: set first, since nothing else decides as much when a failure shows.
bool is_limit(std::string_view name) {
  const std::string lower = to_lower(name);
  constexpr std::array words{"timeout", "watchdog", "hang", "budget"};
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return contains(lower, word); });
}

bool is_below(std::string_view path, std::string_view root) {
  return !root.empty() && path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

// Without a way out of the checkout by "..".
bool is_in_checkout(std::string_view path, std::string_view root) {
  return is_below(path, root) && !contains(path, "/../") && !path.ends_with("/..");
}

// A list of folders, each of them in the checkout: what CI built there, this host has built too.
bool is_list_in_checkout(const std::string& value, std::string_view root) {
  const auto parts = split(value, ':');
  return std::all_of(parts.begin(), parts.end(), [&](std::string_view part) { return is_in_checkout(part, root); });
}

// A data folder that other hosts may lack.
bool is_data_path(std::string_view value, std::string_view root) {
  if (!value.starts_with('/') || value.size() < 2 || contains(value, ":") || contains(value, " ")) return false;
  if (is_below(value, root)) return false;
  constexpr std::array everywhere{"/usr", "/bin", "/lib", "/dev", "/proc", "/sys",
                                  "/etc", "/tmp", "/opt", "/var", "/run"};
  return std::none_of(everywhere.begin(), everywhere.end(), [&](auto folder) { return is_below(value, folder); });
}

// A library outside of the checkout, a module, a pipe.
bool loads_something(std::string_view value, std::string_view root) {
  const bool library = value.ends_with(".so") || contains(value, ".so.");
  return (library && value.starts_with('/') && !is_below(value, root)) || value.starts_with('|') ||
         value.starts_with("module://");
}

class EnvironmentPlanner {
public:
  explicit EnvironmentPlanner(const EnvironmentSources& sources) : sources_(sources) {}

  std::vector<PlannedVariable> plan() {
    for (const auto& [name, value] : sources_.evidence.environment)
      add(name, value.value, place_of(sources_.evidence.files, value.origin));
    for (const auto& [name, origin] : sources_.evidence.secrets) {
      if (!is_variable_name(name)) continue;
      planned_[name] = {name, "", VariableFate::secret, place_of(sources_.evidence.files, origin),
                        "CI masks it, or it looks like a secret"};
    }
    if (sources_.job != nullptr) {
      for (const auto& [name, variable] : *sources_.job)
        add_of_job(name, variable);
    }
    for (const auto& [name, value] : sources_.settings.environment)
      planned_[name] = {name, value, VariableFate::exported, "case.yaml", ""};
    std::vector<PlannedVariable> list;
    for (auto& [name, variable] : planned_)
      list.push_back(std::move(variable));
    std::stable_partition(list.begin(), list.end(), [](const PlannedVariable& v) { return is_limit(v.name); });
    return list;
  }

private:
  void add_of_job(const std::string& name, const JobVariable& variable) {
    const std::string& value = variable.value.with_defaults;
    if (planned_.count(name) > 0 || contains(value, "${{")) return;
    add(name, value, place_of(sources_.job_files, variable.value.origin));
  }

  void add(const std::string& name, const std::string& value, std::string place) {
    if (!is_variable_name(name) || is_runner_variable(name) || has_nul(value)) return;
    PlannedVariable variable{name, value, VariableFate::exported, std::move(place), ""};
    const auto& approved = sources_.settings.approved;
    const bool is_approved = std::find(approved.begin(), approved.end(), name) != approved.end();
    if (is_reserved(name)) {
      variable.fate = VariableFate::left_out;
      variable.reason = "the scripts use this name themselves";
    } else if (is_secret(name, value)) {
      variable.fate = VariableFate::secret;
      variable.value.clear();
      variable.reason = "it is a secret, by its name or its value's form";
    } else if (is_of_host(name)) {
      variable.fate = VariableFate::left_out;
      variable.reason = "this host has its own";
    } else if (loads_something(value, sources_.ci_root) && !is_approved) {
      variable.fate = VariableFate::quarantined;
      variable.reason = "its value names code to load or a command to run";
    } else if (acts_on_programs(name) && !is_approved &&
               !(is_search_path(name) && is_list_in_checkout(value, sources_.ci_root))) {
      variable.fate = VariableFate::quarantined;
      variable.reason = is_search_path(name) ? "it names folders outside of the checkout, from which code is loaded"
                                             : "a loader, an interpreter or a shell acts on it";
    } else if (is_data_path(value, sources_.ci_root)) {
      variable.fate = VariableFate::mocked;
      variable.reason = "a path that this host may lack";
    }
    planned_[name] = std::move(variable);
  }

  const EnvironmentSources& sources_;
  std::map<std::string, PlannedVariable> planned_;
};

}  // namespace

std::string_view to_text(VariableFate fate) {
  switch (fate) {
    case VariableFate::exported:
      return "exported";
    case VariableFate::mocked:
      return "mocked";
    case VariableFate::quarantined:
      return "quarantined";
    case VariableFate::secret:
      return "secret";
    case VariableFate::left_out:
      return "left_out";
  }
  return "left_out";
}

bool is_search_path(std::string_view name) { return is_one_of(name, {"PYTHONPATH", "LD_LIBRARY_PATH"}); }

bool acts_on_programs(std::string_view name) {
  constexpr std::array families{"LD_",
                                "DYLD_",
                                "PYTHON",
                                "PYTEST_",
                                "GIT_",
                                "BASH_",
                                "NODE_",
                                "JAVA_",
                                "PERL5",
                                "RUBY",
                                "GLIBC_",
                                "MALLOC_",
                                "GCONV_",
                                "SSH_",
                                "NPM_",
                                "PIP_",
                                "VIRTUAL_ENV",
                                "CONDA_",
                                "OMPI_",
                                "PMIX_",
                                "PRTE_",
                                "PRRTE_",
                                "HYDRA_",
                                "SLURM_",
                                "CUDA_INJECTION",
                                "OMP_TOOL",
                                "GTEST_",
                                "MAKE",
                                "LESS",
                                "XDG_",
                                "CMAKE_",
                                "RUSTC",
                                "CARGO_",
                                "TORCH_EXTENSIONS",
                                "JUPYTER",
                                "IPYTHON",
                                "GDB",
                                "DEBUGINFOD_",
                                "QT_",
                                "GTK_",
                                "MPL",
                                "POSIX"};
  if (is_one_of(name, {"PYTHONHASHSEED", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER",
                       "PYTHONIOENCODING", "PYTHONUTF8", "PYTHONOPTIMIZE", "PYTHONASYNCIODEBUG", "PYTHONMALLOC",
                       "PYTHONDEVMODE", "PYTEST_TIMEOUT", "GTEST_COLOR", "GTEST_SHUFFLE", "GTEST_RANDOM_SEED",
                       "GTEST_REPEAT", "GTEST_BRIEF", "MALLOC_ARENA_MAX", "MALLOC_PERTURB_", "PIP_NO_CACHE_DIR"}))
    return false;
  if (std::any_of(families.begin(), families.end(), [&](std::string_view family) { return name.starts_with(family); }))
    return true;
  constexpr std::array endings{"PAGER",    "_WRAPPER", "_TOOL_LIBRARIES", "_PLUGIN", "_PLUGINS", "_PLUGIN_PATH",
                               "_PRELOAD", "_HOOK",    "_HOOKS",          "_SHELL",  "_EDITOR"};
  if (std::any_of(endings.begin(), endings.end(), [&](std::string_view end) { return name.ends_with(end); }))
    return true;
  if (name.ends_with("_COMMAND") || name.ends_with("_CMD") || name.ends_with("_TO_EXECUTE") || name.ends_with("_EXEC"))
    return true;
  return is_one_of(name, {"PATH",
                          "ENV",
                          "IFS",
                          "PS1",
                          "PS2",
                          "PS4",
                          "SHELLOPTS",
                          "BASHOPTS",
                          "CDPATH",
                          "GLOBIGNORE",
                          "LOCPATH",
                          "NLSPATH",
                          "TERMINFO",
                          "TERMCAP",
                          "EDITOR",
                          "VISUAL",
                          "PAGER",
                          "BROWSER",
                          "CC",
                          "CXX",
                          "LD",
                          "CPP",
                          "AR",
                          "COVERAGE_PROCESS_START",
                          "FCEDIT",
                          "MANPATH",
                          "RES_OPTIONS",
                          "HOSTALIASES",
                          "OPENSSL_CONF",
                          "SSLKEYLOGFILE",
                          "TRITON_CACHE_DIR",
                          "_JAVA_OPTIONS",
                          "JDK_JAVA_OPTIONS"});
}

std::vector<PlannedVariable> plan_environment(const EnvironmentSources& sources) {
  return EnvironmentPlanner{sources}.plan();
}

std::string ci_root_of(const Evidence& evidence) {
  for (const char* name : {"TT_METAL_HOME", "GITHUB_WORKSPACE", "PYTHONPATH"}) {
    const auto found = evidence.environment.find(name);
    if (found == evidence.environment.end()) continue;
    std::string_view root = before(found->second.value, ":");
    while (root.size() > 1 && root.ends_with('/'))
      root.remove_suffix(1);
    if (root.starts_with('/') && root.size() > 1) return std::string{root};
  }
  return {};
}

std::string shell_value(std::string_view value, std::string_view ci_root) {
  std::string shell;
  std::string plain;
  const auto put_plain = [&] {
    if (!plain.empty()) shell += shell_quoted(plain);
    plain.clear();
  };
  bool first = true;
  for (std::string_view rest = value; first || !rest.empty(); first = false) {
    if (!first) {
      plain += ':';
      rest.remove_prefix(1);
    }
    const std::string_view part = before(rest, ":");
    if (is_below(part, ci_root)) {
      put_plain();
      shell += "\"$REPOSITORY\"";
      plain += part.substr(ci_root.size());
    } else {
      plain += part;
    }
    rest.remove_prefix(part.size());
  }
  put_plain();
  return shell.empty() ? "''" : shell;
}

}  // namespace ndr
