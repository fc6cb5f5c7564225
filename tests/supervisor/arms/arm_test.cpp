#include "supervisor/arms/invocation.hpp"

#include <algorithm>
#include <cstdio>

#include "tests/support/catch.hpp"

using namespace ndr;
using Words = std::vector<std::string>;
using Environment = std::vector<std::pair<std::string, std::string>>;

namespace {
const ScriptForm contract{.has_contract = true};
}  // namespace

TEST_CASE("a script of the contract gets workers and seed, and iterations only where they are chosen") {
  const Invocation plain = invocation(Arm{}, 7, contract);
  CHECK(plain.arguments == Words{"--workers", "1", "--seed", "7"});
  CHECK(plain.environment.empty());

  Arm arm = amplified(200, 4, 0);
  CHECK(invocation(arm, 7, contract).arguments == Words{"--iterations", "200", "--workers", "4", "--seed", "7"});
}

TEST_CASE("a hand-written script gets pytest's own arguments for workers, and no others") {
  const Invocation two = invocation(amplified(0, 2, 0), 9, ScriptForm{});
  CHECK(two.arguments == Words{"-n", "2", "--max-worker-restart=0"});
  CHECK(two.environment == Environment{{"NDREPRO_SEED", "9"}});

  const Invocation longer = invocation(amplified(200, 1, 0), 9, ScriptForm{});
  CHECK(longer.arguments.empty());
  CHECK(longer.environment == Environment{{"NDREPRO_ITERATIONS", "200"}, {"NDREPRO_SEED", "9"}});
}

TEST_CASE("one worker is asked for only where a hand-written script would start more by itself") {
  CHECK(invocation(Arm{}, 1, ScriptForm{.starts_workers = true}).arguments == Words{"-n", "0"});
  CHECK(invocation(Arm{}, 1, ScriptForm{}).arguments.empty());
}

TEST_CASE("the watchdog is scaled in the environment, and 0 switches it off") {
  Arm arm;
  arm.name = "watchdog";
  arm.operation_timeout_s = 2.5;
  arm.watchdog_scale = 4;
  CHECK(invocation(arm, 1, contract).environment == Environment{{"TT_METAL_OPERATION_TIMEOUT_SECONDS", "10"}});
  arm.watchdog_scale = 0;
  CHECK(invocation(arm, 1, contract).environment == Environment{{"TT_METAL_OPERATION_TIMEOUT_SECONDS", "0"}});
  const Invocation set = invocation(arm, 1, ScriptForm{.has_contract = true, .takes_settings = true});
  CHECK(set.environment.empty());
  CHECK(set.arguments == Words{"--workers", "1", "--seed", "1", "--set", "TT_METAL_OPERATION_TIMEOUT_SECONDS=0"});
}

TEST_CASE("noise is loaded into the run, with its seed, and only where there is a library") {
  const Invocation noisy = invocation(noise_arm(50), 7, contract, {.noise_library = "/lib/noise.so"});
  CHECK(noisy.arguments == Words{"--iterations", "50", "--workers", "1", "--seed", "7"});
  CHECK(noisy.environment ==
        Environment{{"LD_PRELOAD", "/lib/noise.so"},
                    {"NDREPRO_NOISE", "mode=sleep,p=0.1,us=1500,start_p=0.3,start_us=1500,cut=1,seed=7"}});
  const Invocation yielding = invocation(yield_arm(0), 9, contract, {.noise_library = "/lib/noise.so"});
  CHECK(yielding.environment[1].second == "mode=yield,p=0.5,us=0,start_p=0.3,start_us=300,cut=1,seed=9");
  CHECK(invocation(noise_arm(50), 7, contract).environment.empty());
  CHECK(arm_from("noise", parameters_of(noise_arm(50))) == noise_arm(50));
  CHECK(arm_from("yield", parameters_of(yield_arm(1))) == yield_arm(1));
  CHECK_FALSE(arm_from("noise", R"({"noise_chance":2})"));
}

TEST_CASE("an arm is named by what it amplifies") {
  CHECK(amplified(0, 1, 0).name == "plain");
  CHECK(amplified(1, 1, 1).name == "plain");
  CHECK(amplified(0, 1, 1).name == "iterations");
  CHECK(amplified(200, 1, 0).name == "iterations");
  CHECK(amplified(0, 2, 0).name == "workers");
  CHECK(amplified(200, 2, 0).name == "workers");
}

TEST_CASE("an arm's parameters come back from their text") {
  Arm raised;
  raised.name = "watchdog";
  raised.watchdog_scale = 0;
  raised.operation_timeout_s = 7.5;
  for (const Arm& arm : {Arm{}, amplified(200, 2, 0), amplified(1, 1, 1), raised})
    CHECK(arm_from(arm.name, parameters_of(arm)) == arm);
}

TEST_CASE("text that is no set of parameters gives no arm") {
  for (const char* text : {"", "[]", "{", "7", R"({"iterations":"many"})", R"({"workers":0})", R"({"workers":1.5})",
                           R"({"iterations":-1})", R"({"speed":2})", R"({"watchdog_scale":-1})"})
    CHECK_FALSE(arm_from("plain", text));
}

namespace {

const ArmTools every_tool{"/lib/noise.so", "/bin/hold", "/runs", "/runs/report"};

/// An arm of each name that a slice may have, with all of its parameters unlike the plain arm's.
std::vector<Arm> slice_arms() {
  std::vector<Arm> arms(9);
  const char* const names[] = {"copies", "noise", "yield", "pct", "affinity", "preempt", "hold", "calls", "chaos"};
  for (std::size_t i = 0; i < arms.size(); ++i) {
    arms[i].name = names[i];
    arms[i].iterations = 1;
    arms[i].copies = 4;
    arms[i].shared_copies = 2;
  }
  arms[1].noise_chance = 0.0123456789012345678;
  arms[1].noise_us = 1500;
  arms[2].noise_chance = 0.5;
  arms[3].priority_points = 1000;
  arms[4].one_cpu = true;
  arms[5].preempts = true;
  arms[6].breakpoints = 24;
  arms[6].hold_us = 4500;
  arms[7].call_chance = 0.2;
  arms[7].hold_us = 300;
  arms[8].noise_chance = 0.1;
  arms[8].noise_us = 2000;
  arms[8].redrawn = arms[8].preempts = true;
  arms.emplace_back().name = "count";
  arms.back().counts_points = true;
  arms.push_back(arms[6]);
  arms.back().name = "directed";
  arms.back().near = {"ns::Queue::push", "Queue::"};
  arms.emplace_back().name = "back_to_back";
  arms.back().keeps_folder = true;
  return arms;
}

std::string noise_of(const RunSetting& setting) {
  return setting.environment.size() == 2 ? setting.environment[1].second : "";
}

}  // namespace

TEST_CASE("every arm of slices comes back from its parameters") {
  for (const Arm& arm : slice_arms()) {
    INFO(arm.name << " " << parameters_of(arm));
    CHECK(arm_from(arm.name, parameters_of(arm)) == arm);
    CHECK(arm.needs_slice());
    CHECK(added_delay_ms(arm) >= 1);
  }
}

TEST_CASE("parameters beyond what is sane give no arm") {
  for (const char* text :
       {R"({"copies":0})",           R"({"copies":65})",          R"({"copies":4.5})",
        R"({"copies":null})",        R"({"copies":true})",        R"({"copies":99999999999999999999})",
        R"({"shared_copies":-1})",   R"({"noise_us":100001})",    R"({"noise_chance":1.01})",
        R"({"noise_chance":-0.1})",  R"({"noise_chance":"0.1"})", R"({"noise_chance":1e999})",
        R"({"breakpoints":1001})",   R"({"hold_us":1000001})",    R"({"call_chance":2})",
        R"({"preempts":1})",         R"({"one_cpu":"yes"})",      R"({"redrawn":null})",
        R"({"priority_points":-1})", R"({"noise_chance":NaN})",   R"({"LD_PRELOAD":"/evil.so"})",
        R"({"copies":[4]})",         "{\"copies\":4}x",           "null"}) {
    INFO(text);
    CHECK_FALSE(arm_from("noise", text));
  }
}

TEST_CASE("each arm sets for a run what it needs, and nothing else") {
  const auto setting = [](const char* name) {
    for (const Arm& arm : slice_arms())
      if (arm.name == name) return run_setting(arm, 7, every_tool);
    return RunSetting{};
  };
  for (const char* name : {"copies", "affinity", "preempt"})
    CHECK(setting(name) == RunSetting{});
  CHECK(setting("noise").environment[0] == std::pair<std::string, std::string>{"LD_PRELOAD", "/lib/noise.so"});
  CHECK(noise_of(setting("noise")) ==
        "mode=sleep,p=0.01235,us=1500,start_p=0.3,start_us=1500,cut=1,seed=7,report=/runs/report");
  CHECK(noise_of(setting("yield")) ==
        "mode=yield,p=0.5,us=0,start_p=0.3,start_us=300,cut=1,seed=7,report=/runs/report");
  CHECK_THAT(noise_of(setting("pct")), ContainsSubstring("mode=pct,") && ContainsSubstring(",points=1000"));
  CHECK_THAT(noise_of(setting("count")), ContainsSubstring("mode=count,p=0,"));
  CHECK(setting("noise").prefix.empty());
  CHECK(setting("hold").environment.empty());
  CHECK(setting("hold").prefix == Words{"/bin/hold", "--seed", "7", "--breakpoints", "24", "--hold-us", "4500",
                                        "--report", "/runs/report", "--index", "/runs", "--"});
  CHECK(setting("calls").prefix == Words{"/bin/hold", "--seed", "7", "--calls", "0.2", "--call-us", "300", "--report",
                                         "/runs/report", "--index", "/runs", "--"});
}

TEST_CASE("a directed arm tells where to hold") {
  ArmTools tools = every_tool;
  tools.near_file = "/runs/near";
  const Arm directed = slice_arms()[10];
  REQUIRE(directed.name == "directed");
  const Words prefix = run_setting(directed, 7, tools).prefix;
  const auto option = std::find(prefix.begin(), prefix.end(), "--near");
  REQUIRE(option != prefix.end());
  CHECK(*(option + 1) == "/runs/near");
}

TEST_CASE("an axis sets variables, also in scripts that set them themselves, and limits") {
  const Axis axis{"cold", {{"TT_METAL_CACHE", "{folder}/a:{folder}"}}, {{"nofile", 64}, {"stack", 8388608}}};
  Arm arm = arm_of(axis);
  CHECK(arm_from("cold", parameters_of(arm)) == arm);
  ArmTools tools;
  tools.fresh_folder = "/runs/1/fresh";
  const RunSetting setting = run_setting(arm, 7, tools);
  const std::string value = "/runs/1/fresh/a:/runs/1/fresh";
  CHECK(setting.environment == std::vector<Setting>{{"TT_METAL_CACHE", value}, {"NDREPRO_SET_TT_METAL_CACHE", value}});
  CHECK(setting.prefix == Words{"/usr/bin/prlimit", "--nofile=64:64", "--stack=8388608:8388608", "--"});
  arm.breakpoints = 8;
  CHECK(run_setting(arm, 7, every_tool).prefix.front() == "/bin/hold");
}

TEST_CASE("variables that load code and unknown resources are refused") {
  for (const char* name :
       {"", "1A", "A B", "A=B", "LD_PRELOAD", "PATH", "BASH_ENV", "PYTHONPATH", "NDREPRO_SEED", "A\nB"})
    CHECK_FALSE(is_settable(name));
  CHECK(is_settable("TT_METAL_WATCHER"));
  for (const char* text : {R"({"environment":{"LD_PRELOAD":"/evil.so"}})", R"({"environment":{"A":1}})",
                           R"({"environment":["A"]})", R"({"limits":{"files":1}})", R"({"limits":{"nofile":-1}})",
                           R"({"limits":{"nofile":"64"}})", R"({"near":"main"})", R"({"near":[1]})"}) {
    INFO(text);
    CHECK_FALSE(arm_from("axis", text));
  }
}

TEST_CASE("an arm whose tool is missing leaves a run alone") {
  for (const Arm& arm : slice_arms())
    CHECK(run_setting(arm, 7, ArmTools{}) == RunSetting{});
}

TEST_CASE("redrawn noise differs from run to run, stays near the arm's own, and repeats with the seed") {
  Arm arm = slice_arms()[8];
  std::vector<std::string> seen;
  int yields = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const std::string text = noise_of(run_setting(arm, seed, every_tool));
    CHECK(text == noise_of(run_setting(arm, seed, every_tool)));
    seen.push_back(text.substr(0, text.find(",start_p")));
    yields += text.starts_with("mode=yield,p=0.5,us=0,");
    double chance = 0;
    int us = 0;
    if (std::sscanf(text.c_str(), "mode=sleep,p=%lf,us=%d,", &chance, &us) != 2) continue;
    CHECK((chance >= 0.1 / 3.1 && chance <= 0.31));
    CHECK((us >= 390 && us <= 5100));
  }
  CHECK((yields > 60 && yields < 140));
  std::sort(seen.begin(), seen.end());
  CHECK(std::unique(seen.begin(), seen.end()) - seen.begin() > 150);
  arm.redrawn = false;
  CHECK(noise_of(run_setting(arm, 1, every_tool)).starts_with("mode=sleep,p=0.1,us=2000,"));
}

TEST_CASE("a test of a million calls is not yielded to a standstill by redrawn noise") {
  Arm arm = slice_arms()[8];
  arm.noise_chance = 1e-4;
  int yields = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const std::string text = noise_of(run_setting(arm, seed, every_tool));
    if (!text.starts_with("mode=yield,")) continue;
    ++yields;
    CHECK(text.starts_with("mode=yield,p=0.01,"));
  }
  CHECK(yields > 15);
}

TEST_CASE("a report folder whose name would end the setting is not asked for") {
  ArmTools tools = every_tool;
  tools.report_folder = "/runs,mode=off";
  CHECK_FALSE(noise_of(run_setting(slice_arms()[1], 7, tools)).find("report") != std::string::npos);
}
