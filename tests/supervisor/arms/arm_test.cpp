#include "supervisor/arms/invocation.hpp"

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
  const Invocation noisy = invocation(noise_arm(50), 7, contract, "/lib/noise.so");
  CHECK(noisy.arguments == Words{"--iterations", "50", "--workers", "1", "--seed", "7"});
  CHECK(noisy.environment ==
        Environment{{"LD_PRELOAD", "/lib/noise.so"},
                    {"NDREPRO_NOISE", "mode=sleep,p=0.1,us=1500,start_p=0.3,start_us=1500,cut=1,seed=7"}});
  const Invocation yielding = invocation(yield_arm(0), 9, contract, "/lib/noise.so");
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
