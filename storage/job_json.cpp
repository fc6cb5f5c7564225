#include "storage/job_json.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

class JobWriter {
public:
  JobWriter(const JobFacts& job, const FactWriter& put)
      : job_(job), put_(put), base_{"workflows", job.workflow, "jobs", job.id} {}

  void write() {
    put_(base_, FactJson::object(), job_.origin);
    write_call();
    write_names();
    write_environment();
    write_container();
    write_matrix();
    write_commands();
    write_timeouts();
    write_steps();
    std::string notes;
    for (const auto& note : job_.notes)
      notes += (notes.empty() ? "" : "; ") + note.value;
    if (!notes.empty()) put_(below(base_, "notes"), notes, job_.notes.front().origin);
  }

private:
  void write_call() {
    if (!job_.call) return;
    put_(below(base_, "uses"), job_.call->workflow.value, job_.call->workflow.origin);
    for (const auto& [name, value] : job_.call->with)
      put_(below(below(base_, "with"), name), plain_json(value.text), value.origin);
  }
  void write_names() {
    ByRow names;
    ByRow runs_on;
    for (const JobRow& row : job_.rows) {
      names.add(row.matrix.key, row.name, job_.origin);
      if (!row.runs_on.text.empty()) runs_on.add(row.matrix.key, row.runs_on.text, row.runs_on.origin);
    }
    if (!names.empty()) names.write(below(base_, "name"), put_);
    if (!runs_on.empty()) runs_on.write(below(base_, "runs_on"), put_);
  }

  // Steps that run tests; of a job without any, all.
  static std::vector<const JobStep*> steps_of_interest(const JobRow& row) {
    std::vector<const JobStep*> steps;
    for (const JobStep& step : row.steps) {
      if (!step.tests.empty()) steps.push_back(&step);
    }
    if (steps.empty()) {
      for (const JobStep& step : row.steps)
        steps.push_back(&step);
    }
    return steps;
  }
  bool runs_in_all_rows(const std::string& set_by) const {
    if (!set_by.starts_with("step:")) return true;
    const std::string name = set_by.substr(5);
    return std::all_of(job_.rows.begin(), job_.rows.end(), [&](const JobRow& row) {
      return std::any_of(row.steps.begin(), row.steps.end(),
                         [&](const JobStep& step) { return step.name.value == name; });
    });
  }

  struct Variable {
    ByRow value;
    ByRow set_by;
  };
  void write_environment() {
    std::map<std::string, Variable> variables;
    std::map<std::string, std::map<std::string, std::pair<std::string, Origin>>> of_row;
    for (const JobRow& row : job_.rows) {
      JobEnvironment all;
      for (const JobStep* step : steps_of_interest(row)) {
        for (const auto& [name, variable] : step->environment)
          all.insert_or_assign(name, variable);
        for (const TestCommand& test : step->tests) {
          for (const auto& [name, value] : test.command.assignments) {
            if (step->script_is_of_matrix)
              of_row[row.matrix.key][name] = {value, test.command.origin};
            else
              all[name] = {{value, value, test.command.origin}, "command"};
          }
        }
      }
      for (const auto& [name, variable] : all) {
        if (!runs_in_all_rows(variable.set_by)) {
          of_row[row.matrix.key][name] = {variable.value.text, variable.value.origin};
          continue;
        }
        variables[name].value.add(row.matrix.key, variable.value.text, variable.value.origin);
        variables[name].set_by.add(row.matrix.key, variable.set_by, variable.value.origin);
      }
    }
    put_(below(base_, "env"), FactJson::object(), job_.origin);
    for (const auto& [name, variable] : variables) {
      variable.value.write(below(below(base_, "env"), name), put_);
      variable.set_by.write(below(below(base_, "env_origin"), name), put_);
    }
    for (const auto& [row, values] : of_row) {
      for (const auto& [name, value] : values)
        put_(below(below(below(base_, "matrix_env"), row), name), value.first, value.second);
    }
  }

  void write_container() {
    ByRow image;
    ByRow options;
    ByRow volumes;
    ByRow folder;
    for (const JobRow& row : job_.rows) {
      if (!row.image) continue;
      const std::string& key = row.matrix.key;
      image.add(key, row.image->text, row.image->origin);
      options.add(key, row.options ? FactJson(row.options->text) : FactJson(nullptr),
                  (row.options ? *row.options : *row.image).origin);
      FactJson list = FactJson::array();
      for (const WorkflowText& volume : row.volumes)
        list.push_back(volume.text);
      volumes.add(key, list, row.volumes.empty() ? row.image->origin : row.volumes.front().origin);
      const auto& where = row.working_directory;
      folder.add(key, where ? FactJson(where->text) : FactJson(nullptr), where ? where->origin : row.image->origin);
    }
    if (image.empty()) return;
    const FactPath container = below(base_, "container");
    image.write(below(container, "image"), put_);
    options.write(below(container, "options"), put_);
    volumes.write(below(container, "volumes"), put_);
    folder.write(below(container, "workdir"), put_);
  }

  void write_matrix() {
    FactJson rows = FactJson::array();
    Origin origin = job_.origin;
    bool known = true;
    for (const JobRow& row : job_.rows) {
      known = known && row.matrix.known;
      if (row.matrix.values.members.empty()) continue;
      if (rows.empty()) origin.line = row_members(row.matrix).line > 0 ? row_members(row.matrix).line : origin.line;
      rows.push_back(yaml_json(row_members(row.matrix)));
    }
    if (!known) put_(below(base_, "matrix"), "${{ unknown before the run }}", job_.origin);
    if (!rows.empty()) put_(below(base_, "matrix"), rows, origin);
  }

  static FactJson commands_json(const std::vector<TestCommand>& tests) {
    if (tests.size() == 1) return tests.front().command.text;
    FactJson list = FactJson::array();
    for (const TestCommand& test : tests)
      list.push_back(test.command.text);
    return list;
  }
  void write_commands() {
    std::vector<std::pair<std::string, ByRow>> by_key;
    for (const JobRow& row : job_.rows) {
      for (const JobStep& step : row.steps) {
        if (step.tests.empty()) continue;
        const std::string key = step.script_is_of_matrix && !row.matrix.key.empty() ? row.matrix.key : step.name.value;
        auto known = std::find_if(by_key.begin(), by_key.end(), [&](const auto& k) { return k.first == key; });
        if (known == by_key.end()) known = by_key.emplace(by_key.end(), key, ByRow{});
        known->second.add(row.matrix.key, commands_json(step.tests), step.tests.front().command.origin);
        for (const TestCommand& test : step.tests) {
          if (test.function) put_(below(below(base_, "functions"), key), test.function->value, test.function->origin);
          if (test.loop > 1) put_(below(below(base_, "loops"), key), test.loop, test.command.origin);
        }
      }
    }
    for (const auto& [key, commands] : by_key)
      commands.write(below(below(base_, "commands"), key), put_);
  }

  struct StepMinutes {
    std::string name;
    bool is_test = false;
    ByRow minutes;
  };
  std::map<std::size_t, StepMinutes> minutes_by_step() const {
    std::map<std::size_t, StepMinutes> steps;
    for (const JobRow& row : job_.rows) {
      for (const JobStep& step : row.steps) {
        StepMinutes& minutes = steps[step.number];
        minutes.name = step.name.value;
        minutes.is_test = minutes.is_test || !step.tests.empty();
        minutes.minutes.add(row.matrix.key, step.minutes ? shown_json(*step.minutes) : FactJson(nullptr),
                            step.minutes ? step.minutes->origin : step.name.origin);
      }
    }
    return steps;
  }
  void write_timeouts() {
    const FactPath timeouts = below(base_, "timeouts");
    ByRow job_minutes;
    for (const JobRow& row : job_.rows) {
      if (row.minutes) job_minutes.add(row.matrix.key, shown_json(*row.minutes), row.minutes->origin);
    }
    if (!job_minutes.empty()) job_minutes.write(below(timeouts, "job_min"), put_);
    const auto steps = minutes_by_step();
    const auto tests = std::count_if(steps.begin(), steps.end(), [](const auto& step) { return step.second.is_test; });
    for (const auto& [number, step] : steps) {
      const FactPath path = below(timeouts, "step_min");
      if (step.is_test) step.minutes.write(tests == 1 ? path : below(path, step.name), put_);
      const bool limited = !step.is_test && !step.minutes.all_null();
      if (limited && !set_up_) {
        step.minutes.write(below(timeouts, "setup_step_min"), put_);
        set_up_ = true;
      }
    }
    write_command_limits(timeouts);
    write_operation_limit(timeouts);
  }
  void write_command_limits(const FactPath& timeouts) {
    ByRow pytest;
    ByRow command;
    for (const JobRow& row : job_.rows) {
      for (const JobStep& step : row.steps) {
        for (const TestCommand& test : step.tests) {
          const std::string key =
              row.matrix.key.empty() || !step.script_is_of_matrix ? step.name.value : row.matrix.key;
          const auto limit = option_value(test.command.text, "--timeout");
          const auto seconds = limit ? to_decimal(*limit) : std::nullopt;
          if (seconds) pytest.add(key, number_json(*seconds), test.command.origin);
          if (test.command.limit_s) command.add(key, number_json(*test.command.limit_s), test.command.origin);
        }
      }
    }
    if (!pytest.empty()) pytest.write(below(timeouts, "pytest_s"), put_);
    if (!command.empty()) command.write(below(timeouts, "command_s"), put_);
  }
  void write_operation_limit(const FactPath& timeouts) {
    ByRow limits;
    for (const JobRow& row : job_.rows) {
      const JobStep* step = row.main_step();
      if (step == nullptr) continue;
      const auto limit = step->environment.find("TT_METAL_OPERATION_TIMEOUT_SECONDS");
      const bool set = limit != step->environment.end();
      limits.add(row.matrix.key, set ? shown_json(limit->second.value) : FactJson(nullptr),
                 set ? limit->second.value.origin : step->name.origin);
    }
    if (!limits.empty()) limits.write(below(timeouts, "operation_s"), put_);
  }

  // Rows in which a step runs, where these are not all.
  std::string only_rows(std::size_t number) const {
    std::string rows;
    std::size_t count = 0;
    for (const JobRow& row : job_.rows) {
      const bool runs =
          std::any_of(row.steps.begin(), row.steps.end(), [&](const auto& s) { return s.number == number; });
      if (runs) rows += (count++ == 0 ? "" : ", ") + row.matrix.key;
    }
    return count == job_.rows.size() ? std::string{} : "only: " + rows;
  }
  static std::string label_of(const JobStep& step) {
    const bool local = step.uses.starts_with("./");
    if (!step.uses.empty())
      return step.has_name && local ? step.name.value + " (" + step.uses : step.name.value + (local ? " (" : "");
    std::string script;
    for (const auto& line : step.script) {
      const std::string_view text = trim(line.value);
      if (!text.empty() && !text.starts_with("#")) script += (script.empty() ? "" : " && ") + std::string{text};
    }
    if (step.only_sets_variables || script.empty()) return step.name.value;
    return step.has_name ? step.name.value + ": " + script : script;
  }
  std::string pre_step(const JobStep& step) const {
    std::string label = label_of(step);
    std::vector<std::string> notes = step.notes;
    if (const std::string rows = only_rows(step.number); !rows.empty()) notes.push_back(rows);
    const bool open = step.uses.starts_with("./");  // its bracket is
    std::string inside;
    for (const std::string& note : notes)
      inside += (inside.empty() ? "" : ", ") + note;
    if (!open) return inside.empty() ? label : label + " (" + inside + ")";
    if (!inside.empty()) return label + (step.has_name ? ", " : "") + inside + ")";
    return step.has_name ? label + ")" : label.substr(0, label.size() - 2);
  }
  void write_steps() {
    std::map<std::size_t, const JobStep*> steps;
    std::size_t main = 0;
    for (const JobRow& row : job_.rows) {
      for (const JobStep& step : row.steps)
        steps.emplace(step.number, &step);
      if (const JobStep* step = row.main_step()) main = std::max(main, step->number);
    }
    if (steps.empty()) return;
    FactJson before_main = FactJson::array();
    FactJson all = FactJson::array();
    for (const auto& [number, step] : steps) {
      if (number < main) before_main.push_back(pre_step(*step));
      FactJson one{{"name", step->name.value}, {"line", step->name.origin.line}};
      if (!step->uses.empty()) one["uses"] = step->uses;
      for (const auto& [name, value] : step->with)
        one["with"][name] = value.value;
      for (const auto& line : step->script)
        one["run"].push_back(line.value);
      if (!step->condition.empty()) one["if"] = step->condition;
      if (!step->shell.empty()) one["shell"] = step->shell;
      if (!step->working_directory.empty()) one["working_directory"] = step->working_directory;
      all.push_back(std::move(one));
    }
    const Origin origin = steps.begin()->second->name.origin;
    put_(below(base_, "pre_steps"), before_main, origin);
    put_(below(base_, "steps"), all, origin);
  }

  const JobFacts& job_;
  const FactWriter& put_;
  FactPath base_;
  bool set_up_ = false;
};

}  // namespace

void write_job(const JobFacts& job, const FactWriter& put) { JobWriter{job, put}.write(); }

}  // namespace ndr
