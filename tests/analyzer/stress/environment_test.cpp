#include "analyzer/stress/environment.hpp"

#include <algorithm>

#include "analyzer/assert.hpp"
#include "tests/support/catch.hpp"

using ndr::Evidence;
using ndr::PlannedVariable;
using ndr::VariableFate;

namespace {

struct Case {
  Evidence evidence;
  ndr::CaseSettings settings;

  void set(const std::string& name, const std::string& value) { evidence.environment[name] = {value, {0, 7, 0}}; }
  std::vector<PlannedVariable> plan() const {
    return ndr::plan_environment({evidence, settings, nullptr, {}, ndr::ci_root_of(evidence)});
  }
  PlannedVariable variable(const std::string& name) const {
    const auto all = plan();
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& v) { return v.name == name; });
    NDR_ASSERT(found != all.end());
    return *found;
  }
};

Case of_ci() {
  Case one;
  one.evidence.files = {"logs/ci.log"};
  one.set("TT_METAL_HOME", "/project");
  one.set("ARCH_NAME", "wormhole_b0");
  one.set("TT_METAL_OPERATION_TIMEOUT_SECONDS", "5");
  return one;
}

}  // namespace

TEST_CASE("limits come first, each variable with the line that it was read from") {
  const auto all = of_ci().plan();
  REQUIRE(all.size() == 3);
  CHECK(all[0].name == "TT_METAL_OPERATION_TIMEOUT_SECONDS");
  CHECK(all[1].name == "ARCH_NAME");
  CHECK(all[1].place == "logs/ci.log:7");
  CHECK(all[1].fate == VariableFate::exported);
}

TEST_CASE("what loads or runs code waits for an approval") {
  Case one = of_ci();
  for (const char* name : {"LD_PRELOAD", "BASH_ENV", "PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTHONSTARTUP", "PATH", "PS4",
                           "GIT_SSH_COMMAND", "TT_METAL_DISPATCH_TIMEOUT_COMMAND_TO_EXECUTE", "NODE_OPTIONS"}) {
    CAPTURE(name);
    one.set(name, "/project/evil.so");
    CHECK(one.variable(name).fate == VariableFate::quarantined);
    one.settings.approved = {name};
    CHECK(one.variable(name).fate == VariableFate::exported);
    one.settings.approved.clear();
  }
}

TEST_CASE("a value that names code to load waits too, whatever its name is") {
  Case one = of_ci();
  for (const char* value : {"/tmp/evil.so", "|id", "module://evil", "/opt/x/libevil.so.1"}) {
    CAPTURE(value);
    one.set("TT_METAL_EXTRA", value);
    CHECK(one.variable("TT_METAL_EXTRA").fate == VariableFate::quarantined);
  }
  one.set("TT_METAL_EXTRA", "/project/build/lib/own.so");
  CHECK(one.variable("TT_METAL_EXTRA").fate == VariableFate::exported);
}

TEST_CASE("more families of variables that load or run code") {
  for (const char* name : {"OMPI_MCA_plm_rsh_agent", "CUDA_INJECTION64_PATH", "OMP_TOOL_LIBRARIES", "MAKEFLAGS",
                           "LESSOPEN", "MANPAGER", "RUSTC_WRAPPER", "GTEST_OUTPUT", "XDG_CONFIG_HOME"}) {
    CAPTURE(name);
    CHECK(ndr::acts_on_programs(name));
  }
  CHECK_FALSE(ndr::acts_on_programs("GTEST_COLOR"));
  CHECK_FALSE(ndr::acts_on_programs("TT_METAL_SLOW_DISPATCH_MODE"));
}

TEST_CASE("search paths within the checkout are exported, others wait") {
  Case one = of_ci();
  one.set("PYTHONPATH", "/project:/project/ttnn");
  CHECK(one.variable("PYTHONPATH").fate == VariableFate::exported);
  for (const char* value : {"/project:/tmp/evil", "", "/project:", "/project/../evil", "/projectile"}) {
    CAPTURE(value);
    one.set("PYTHONPATH", value);
    CHECK(one.variable("PYTHONPATH").fate == VariableFate::quarantined);
  }
}

TEST_CASE("secrets are named and never written") {
  Case one = of_ci();
  one.set("HF_TOKEN", "hf_plain_text");
  one.set("GH_PAT", "ghp_plain");
  one.set("KEY_PASSPHRASE", "hunter2");
  CHECK(one.variable("GH_PAT").fate == VariableFate::secret);
  CHECK(one.variable("KEY_PASSPHRASE").fate == VariableFate::secret);
  one.evidence.secrets["WANDB_KEY"] = {0, 9, 0};
  CHECK(one.variable("HF_TOKEN").fate == VariableFate::secret);
  CHECK(one.variable("HF_TOKEN").value.empty());
  CHECK(one.variable("WANDB_KEY").place == "logs/ci.log:9");
}

TEST_CASE("folders of data may be mocked, those of the system and the checkout are not") {
  Case one = of_ci();
  one.set("HF_HOME", "/mnt/models/hf");
  one.set("CACHE", "/tmp/cache");
  one.set("OUT", "/project/out");
  CHECK(one.variable("HF_HOME").fate == VariableFate::mocked);
  CHECK(one.variable("CACHE").fate == VariableFate::exported);
  CHECK(one.variable("OUT").fate == VariableFate::exported);
}

TEST_CASE("the host's own variables and the script's names are left out, impossible names dropped") {
  Case one = of_ci();
  one.set("HOME", "/root");
  one.set("NDREPRO_SEED", "7");
  one.set("A-B", "x");
  one.set("1A", "x");
  one.set("X\n", "x");
  CHECK(one.variable("HOME").fate == VariableFate::left_out);
  CHECK(one.variable("NDREPRO_SEED").fate == VariableFate::left_out);
  CHECK(one.plan().size() == 5);
}

TEST_CASE("case.yaml has the last word") {
  Case one = of_ci();
  one.settings.environment = {{"ARCH_NAME", "blackhole"}, {"LD_PRELOAD", "/opt/mine.so"}};
  CHECK(one.variable("ARCH_NAME").value == "blackhole");
  CHECK(one.variable("ARCH_NAME").place == "case.yaml");
  CHECK(one.variable("LD_PRELOAD").fate == VariableFate::exported);
}
