#include "supervisor/run/spec.hpp"

#include <algorithm>

#include "storage/atomic_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

AttemptOrder order_of(Arm arm = {}) {
  AttemptOrder order;
  order.row.number = 7;
  order.row.seed = 42;
  order.row.arm = arm.name;
  order.row.parameters = parameters_of(arm);
  order.case_name = "lost-update";
  order.folder = CaseFolder{"/cases/lost-update"};
  order.arm = std::move(arm);
  order.deadline_ms = 120000;
  return order;
}

std::string value_of(const AttemptSpec& spec, std::string_view name) {
  std::string value = "(unset)";
  int count = 0;
  for (const auto& variable : spec.environment) {
    if (variable.first != name) continue;
    value = variable.second;
    ++count;
  }
  CHECK(count <= 1);
  return value;
}

const ScriptForm contract{.has_contract = true};

}  // namespace

TEST_CASE("an order becomes a whole specification") {
  Settings settings;
  settings.log_limit_bytes = 1000;
  settings.stop.other = {1, 2};
  AttemptOrder order = order_of({"workers", 50, 4});
  order.wanted.literals = {"lost"};
  const AttemptSpec spec = spec_for(order, settings, contract, {});
  CHECK(spec.case_name == "lost-update");
  CHECK(spec.number == 7);
  CHECK(spec.command == std::vector<std::string>{"/cases/lost-update/run_test.sh", "--iterations", "50", "--workers",
                                                 "4", "--seed", "42"});
  CHECK(spec.working_folder == "/cases/lost-update");
  CHECK(spec.log == "/cases/lost-update/logs/run_7.log");
  CHECK(spec.deadline_ms == 120000);
  CHECK(spec.ladder == StopLadder{1, 2});
  CHECK(spec.log_limit_bytes == 1000);
  CHECK(spec.arm == "workers");
  CHECK(spec.seed == 42);
  CHECK(spec.literals == std::vector<std::string>{"lost"});
}

TEST_CASE("the base environment takes what a run needs of ours and nothing else") {
  const auto own = [](const char* name) -> std::optional<std::string> {
    if (std::string_view{name} == "PATH") return "/opt/bin";
    if (std::string_view{name} == "TMPDIR") return "/scratch";
    return std::nullopt;
  };
  CHECK(base_environment(own) == Environment{{"PATH", "/opt/bin"},
                                             {"HOME", "/"},
                                             {"LANG", "C.UTF-8"},
                                             {"TMPDIR", "/scratch"},
                                             {"TERM", "dumb"},
                                             {"PYTHONUNBUFFERED", "1"}});
  CHECK(base_environment().size() >= 5);
}

TEST_CASE("a later source of a variable wins and leaves one of its name") {
  AttemptOrder order = order_of({"watchdog", 0, 1, 4, 5});
  order.environment = {{"LANG", "C"}, {"NDREPRO_CASE", "x"}, {std::string{watchdog_variable}, "9"}};
  const AttemptSpec spec = spec_for(order, {}, contract, {{"LANG", "de_DE"}, {"HOME", "/h"}});
  CHECK(value_of(spec, "HOME") == "/h");
  CHECK(value_of(spec, "LANG") == "C");
  CHECK(value_of(spec, watchdog_variable) == "20");
  CHECK(value_of(spec, "NDREPRO_CASE") == "lost-update");
  CHECK(value_of(spec, "NDREPRO_ATTEMPT") == "7");
  CHECK(value_of(spec, "NDREPRO_SEED") == "42");
}

TEST_CASE("a wanted device timeout needs a watchdog") {
  AttemptOrder order = order_of();
  CHECK(value_of(spec_for(order, {}, contract, {}), watchdog_variable) == "(unset)");
  order.wanted.failure_type = FailureType::device_timeout;
  CHECK(value_of(spec_for(order, {}, contract, {}), watchdog_variable) == "5");
  order.environment = {{std::string{watchdog_variable}, "12.5"}};
  CHECK(value_of(spec_for(order, {}, contract, {}), watchdog_variable) == "12.5");
  order.arm = {"watchdog", 0, 1, 0, 5};
  CHECK(value_of(spec_for(order, {}, contract, {}), watchdog_variable) == "0");
}

TEST_CASE("the watchdog of a run counts for its stalls, whoever sets it") {
  AttemptOrder order = order_of();
  order.deadline_ms = 600000;
  order.arm = {"watchdog", 0, 1, 4, 50};
  const ScriptForm generated{.has_contract = true, .takes_settings = true};
  const auto in_mid_run = [&](const ScriptForm& script) {
    return stall_limits({}, spec_for(order, {}, script, {}), FailureType::device_timeout).mid_run_ms;
  };
  CHECK(in_mid_run(generated) == in_mid_run(contract));
  CHECK(in_mid_run(generated) > 200000);
}

TEST_CASE("a hand-written script gets pytest arguments") {
  const AttemptSpec spec = spec_for(order_of({"workers", 0, 3}), {}, ScriptForm{}, {});
  CHECK(spec.command.size() > 2);
  CHECK(spec.command[1] == "-n");
  CHECK(spec.command[2] == "3");
}

TEST_CASE("the form of a script is read from its text, and is plain where there is none") {
  TempFolder folder;
  const CaseFolder of_case{folder.path()};
  CHECK_FALSE(script_form(of_case).has_contract);
  write_file_atomically(of_case.run_script(), "#!/bin/bash\n# ndrepro-contract: 1\n", 0755);
  CHECK(script_form(of_case).has_contract);
  write_file_atomically(of_case.run_script(), "#!/bin/bash\npytest -n 4 \"$@\"\n", 0755);
  CHECK_FALSE(script_form(of_case).has_contract);
  CHECK(script_form(of_case).starts_workers);
}

TEST_CASE("a run has to start before its deadline") {
  AttemptSpec spec;
  spec.deadline_ms = 300000;
  CHECK(stall_limits({}, spec, FailureType::assertion).start_up_ms == 240000);
  spec.deadline_ms = 60000;
  CHECK(stall_limits({}, spec, FailureType::assertion).start_up_ms == 30000);
  StallSettings short_start;
  short_start.start_up_ms = 1000;
  CHECK(stall_limits(short_start, spec, FailureType::assertion).start_up_ms == 1000);
}

TEST_CASE("silence is no stall before the runtime's own watchdog can fire") {
  AttemptSpec spec;
  CHECK(stall_limits({}, spec, FailureType::device_timeout).mid_run_ms == 30000);
  for (const auto& [text, expected] : std::vector<std::pair<std::string, std::int64_t>>{
           {"5", 30000}, {"60.0", 75000}, {"0", 30000}, {"nonsense", 30000}, {"-4", 30000}}) {
    spec.environment = {{std::string{watchdog_variable}, text}};
    CHECK(stall_limits({}, spec, FailureType::device_timeout).mid_run_ms == expected);
  }
}

TEST_CASE("a wanted test timeout is left to fire") {
  AttemptSpec spec;
  spec.deadline_ms = 300000;
  CHECK(stall_limits({}, spec, FailureType::test_timeout).mid_run_ms == 300000);
  CHECK(stall_limits({}, spec, FailureType::test_timeout).shut_down_ms == 30000);
}
