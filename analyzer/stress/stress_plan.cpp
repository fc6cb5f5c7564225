#include "analyzer/stress/stress_plan.hpp"

#include <algorithm>
#include <cmath>

#include "analyzer/evidence/formats_command.hpp"
#include "analyzer/evidence/text.hpp"
#include "analyzer/stress/shell_text.hpp"

namespace ndr {
namespace {

constexpr int usual_iterations = 50;
constexpr int most_iterations = 1000;
constexpr double budget_s = 240;
constexpr int longest_test_s = 240;  // an attempt has 300 s

std::string slug_of(std::string_view text) {
  constexpr std::size_t longest = 60;
  std::string slug;
  for (const char c : to_lower(text)) {
    const bool plain = is_word(c) && c != '_';
    if (plain)
      slug += c;
    else if (!slug.empty() && !slug.ends_with('_'))
      slug += '_';
  }
  slug = slug.substr(0, longest);
  while (slug.ends_with('_'))
    slug.pop_back();
  return slug.empty() ? "failure" : slug;
}

// A path of CI as one below the checkout; nothing for one outside of it.
std::optional<std::string> path_in_checkout(std::string_view path, std::string_view ci_root) {
  if (!ci_root.empty() && path.starts_with(ci_root) && path.size() > ci_root.size() && path[ci_root.size()] == '/')
    path.remove_prefix(ci_root.size() + 1);
  while (path.starts_with("./"))
    path.remove_prefix(2);
  const auto parts = split(path, '/');
  const bool leaves = std::any_of(parts.begin(), parts.end(), [](std::string_view part) { return part == ".."; });
  if (path.empty() || path.starts_with('/') || path.starts_with('-') || leaves || has_nul(path)) return std::nullopt;
  return std::string{path};
}

// Of "pytest a.py -n 4 -k x --input-method=json" the options that the checkout's own conftest.py declares: what else
// there is chooses tests, shapes reports or loads code.
std::vector<std::string> kept_options(const std::vector<std::string>& words, const std::vector<std::string>& declared) {
  const auto is_declared = [&](std::string_view name) {
    return std::find(declared.begin(), declared.end(), name) != declared.end();
  };
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!is_declared(before(words[i], "="))) continue;
    const bool has_value = words[i].find('=') == std::string::npos && i + 1 < words.size() &&
                           words[i + 1].front() != '-' && !contains(words[i + 1], "/") && !contains(words[i + 1], "::");
    kept.push_back(has_value ? words[i] + "=" + words[i + 1] : words[i]);
    i += has_value ? 1 : 0;
  }
  return kept;
}

// Options of rank launchers that say how many and where, and run nothing.
bool is_launch_flag(std::string_view word) {
  return is_one_of(word, {"--allow-run-as-root", "--tag-output", "--oversubscribe", "-tag-output",
                          "--use-hwthread-cpus", "--verbose", "-v", "--standalone"});
}
bool takes_launch_value(std::string_view word) {
  return is_one_of(word, {"-np", "-n", "--np", "--n", "-c", "--bind-to", "--map-by", "--rank-binding",
                          "--nproc_per_node", "--nproc-per-node", "--nnodes", "--ntasks"});
}

constexpr std::ptrdiff_t most_predecessors = 20;

class StressPlanner {
public:
  explicit StressPlanner(const StressSources& sources) : sources_(sources), evidence_(sources.evidence) {}

  Checked<StressPlan> plan() {
    if (!evidence_.is_failure)
      return Refusal{"logs", evidence_.cut_off ? "are cut off: they show no failure" : "show no failure",
                     "add the log of a job that failed"};
    if (evidence_.failure_type == FailureType::infra)
      return Refusal{"logs", "show a failure of the machine or the network, not of a test", "run the job again"};
    plan_.ci_root = ci_root_of(evidence_);
    plan_.variables = plan_environment(
        {evidence_, sources_.settings, environment_of(sources_.jobs), sources_.job_files, plan_.ci_root});
    const auto chosen = choose_kind();
    if (chosen.has_error()) return chosen.error();
    choose_timeout();
    choose_iterations();
    choose_predecessors();
    return plan_;
  }

private:
  Checked<void> choose_kind() {
    const std::string test = evidence_.test_id ? evidence_.test_id->value : std::string{};
    if (contains(test, "::")) return choose_pytest(test);
    if (!test.empty()) return choose_gtest(test);
    if (sources_.test.stress) return choose_pytest(sources_.test.function);
    return choose_command();
  }

  /// Names that the framework would take for something else are left out.
  void choose_predecessors() {
    constexpr std::string_view name_signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_/.";
    const auto is_name = [&](const std::string& name) {
      if (name.empty() || name.size() > 400 || name.front() == '-' || name.front() == '/') return false;
      if (plan_.kind == StressKind::pytest) return contains(name, ".py::") && !contains(name, "\n");
      return plan_.kind == StressKind::gtest && contains(name, ".") &&
             name.find_first_not_of(name_signs) == std::string::npos;
    };
    for (const auto& before : evidence_.predecessors)
      if (is_name(before.value)) plan_.predecessors.push_back(before.value);
    if (std::ssize(plan_.predecessors) > most_predecessors)
      plan_.predecessors.erase(plan_.predecessors.begin(), plan_.predecessors.end() - most_predecessors);
  }

  Checked<void> choose_pytest(const std::string& test) {
    if (!sources_.test.stress)
      return Refusal{test.substr(0, 200), "is not in the checkout",
                     "set `repository:` in case.yaml to the checkout that CI ran, at its commit"};
    const bool elsewhere = evidence_.test_id && !same_source_file(before(test, "::"), sources_.test.file);
    if (elsewhere)
      return Refusal{test.substr(0, 200), "is not in the checkout; " + sources_.test.file + " has one of the same name",
                     "take the commit that CI ran"};
    if (!sources_.test.stress->unsupported.empty())
      return Refusal{test.substr(0, 200), sources_.test.stress->unsupported,
                     "write run_test.sh by hand: see `ndreprod brief`"};
    plan_.kind = StressKind::pytest;
    plan_.slug = slug_of(sources_.test.stress->base);
    if (!evidence_.command) return {};
    const auto words = shell_words(evidence_.command->value);
    if (words.has_error()) return {};  // CI's options are then left out
    plan_.options = kept_options(*words, sources_.test.stress->options);
    const auto workers = option_value(evidence_.command->value, "-n");
    const auto number = workers ? to_number(*workers) : std::nullopt;
    if (number && *number >= 1 && *number <= 64) plan_.workers = static_cast<int>(*number);
    return {};
  }

  Checked<void> choose_gtest(const std::string& test) {
    if (!evidence_.command)
      return Refusal{test.substr(0, 200), "has no command in the logs",
                     "write run_test.sh by hand: see `ndreprod brief`"};
    const auto words = shell_words(evidence_.command->value);
    plan_.slug = slug_of(test);
    plan_.filter = test;
    // Of a command whose filter a shell would expand, the program alone counts.
    const std::string program{words.has_error() ? before(evidence_.command->value, " ") : words->front()};
    if (is_launcher(program)) return choose_command();
    const auto binary = path_in_checkout(program, plan_.ci_root);
    if (!binary)
      return Refusal{program.substr(0, 200), "lies outside of the checkout",
                     "write run_test.sh by hand, or build the test in the checkout"};
    plan_.kind = StressKind::gtest;
    plan_.binary = *binary;
    return {};
  }

  static bool is_launcher(std::string_view program) {
    return is_one_of(file_name(program), {"mpirun", "mpiexec", "prterun", "tt-run", "torchrun", "srun"});
  }

  // Exactly one program of the checkout, pytest, or Python with a script of it, behind a launcher and options of its
  // that run nothing. What follows are the program's own words.
  Checked<void> check_words(const std::vector<std::string>& words) {
    const auto refused = [&](const std::string& word, std::string reason) {
      return Refusal{word.substr(0, 200), std::move(reason), "write run_test.sh by hand: see `ndreprod brief`"};
    };
    std::size_t at = 0;
    if (is_launcher(words.front())) {
      for (at = 1; at < words.size() && words[at].starts_with('-'); ++at) {
        const std::string& word = words[at];
        if (word == "--mpi-args" && at + 1 < words.size()) {
          const auto inner = shell_words(words[++at]);
          if (inner.has_error() || !std::all_of(inner->begin(), inner->end(), is_launch_flag))
            return refused(words[at], "are options of a launcher that may run something");
        } else if (takes_launch_value(word)) {
          ++at;
        } else if (!is_launch_flag(word) && !takes_launch_value(before(word, "="))) {
          return refused(word, "is an option of a launcher that may run something");
        }
      }
    }
    if (at >= words.size()) return refused(words.front(), "names no program");
    const std::string& program = words[at];
    if (is_one_of(program, {"pytest", "py.test"})) return {};
    if (is_one_of(program, {"python", "python3"})) {
      const std::string script = at + 1 < words.size() ? words[at + 1] : std::string{};
      const bool is_pytest = script == "-m" && at + 2 < words.size() && words[at + 2] == "pytest";
      if (is_pytest || (script.ends_with(".py") && path_in_checkout(script, plan_.ci_root))) return {};
      return refused(script, "is no script of the checkout");
    }
    if (!contains(program, "/") || !path_in_checkout(program, plan_.ci_root))
      return refused(program, "is no program of the checkout");
    return {};
  }

  // What is tested: the last file that the command names, else its program; without its extension.
  static std::string name_of(const std::vector<std::string>& words) {
    std::string_view name = file_name(words.front());
    for (const std::string& word : words) {
      if (contains(word, "/") && word.front() != '-' && !contains(word, "=")) name = file_name(word);
    }
    return std::string{name.substr(0, std::max<std::size_t>(name.rfind('.'), 1))};
  }

  Checked<void> choose_command() {
    if (!evidence_.command)
      return Refusal{"logs", "name neither a test nor a command", "write run_test.sh by hand: see `ndreprod brief`"};
    auto words = shell_words(evidence_.command->value);
    if (words.has_error()) return words.error();
    if (words->empty()) return Refusal{"command", "is empty", "write run_test.sh by hand: see `ndreprod brief`"};
    if (const auto checked = check_words(*words); checked.has_error()) return checked.error();
    plan_.kind = StressKind::command;
    if (plan_.slug.empty()) plan_.slug = slug_of(name_of(*words));
    for (std::string& word : *words) {
      const bool in_root = !plan_.ci_root.empty() && word.starts_with(plan_.ci_root + "/");
      if (in_root) word = "./" + word.substr(plan_.ci_root.size() + 1);
    }
    const std::string& program = words->front();
    if (contains(program, "/") && !program.starts_with("./")) words->front() = "./" + program;
    plan_.command = std::move(*words);
    return {};
  }

  void choose_timeout() {
    for (const char* name : {"pytest_s", "command_s"}) {
      const auto limit = evidence_.timeouts.find(name);
      if (limit == evidence_.timeouts.end() || limit->second.value < 1) continue;
      plan_.timeout_s = static_cast<int>(std::min<double>(limit->second.value, longest_test_s));
      return;
    }
  }

  // As many as fit the budget at the duration that CI had; the time that a watchdog waited is none of the operation.
  void choose_iterations() {
    const FailureType type = evidence_.failure_type;
    const bool hung = type == FailureType::hang || type == FailureType::test_timeout;
    double took = evidence_.seconds_into_test && !hung ? evidence_.seconds_into_test->value : 0;
    const auto watchdog = evidence_.timeouts.find("operation_s");
    if (type == FailureType::device_timeout && watchdog != evidence_.timeouts.end()) took -= watchdog->second.value;
    if (took <= 0) {
      plan_.iterations = usual_iterations;
      plan_.iterations_reason = "How long an iteration takes is not in the logs: 50 are a beginning";
      return;
    }
    plan_.iterations = static_cast<int>(std::clamp(budget_s / took, 1.0, double{most_iterations}));
    const std::string seconds = decimal_text(std::round(took * 1000) / 1000);
    plan_.iterations_reason = "CI's failing run took " + seconds + " s until it failed: as many as fit 240 s" +
                              (plan_.iterations < usual_iterations   ? ", which is fewer than 50"
                               : plan_.iterations == most_iterations ? ", at most 1000"
                                                                     : "");
  }

  const StressSources& sources_;
  const Evidence& evidence_;
  StressPlan plan_;
};

}  // namespace

Checked<StressPlan> plan_stress(const StressSources& sources) { return StressPlanner{sources}.plan(); }

}  // namespace ndr
