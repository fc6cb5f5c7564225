#include "supervisor/arms/capability.hpp"

#include <sys/stat.h>

#include <fstream>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

const ArmTraits everything{.noise = {true, true, ""},
                           .hold = {true, true, ""},
                           .preempt = PreemptClass::fifo,
                           .limits_real_time = true,
                           .cpus = 2};

Capability capability_of(const std::string& arm, const std::vector<Capability>& all) {
  for (const Capability& one : all) {
    if (one.arm == arm) return one;
  }
  FAIL("no capability of " << arm);
  return {};
}

Capability decided(const std::string& arm, const ArmTraits& traits) {
  return capability_of(arm, capabilities_from(traits));
}

void write_program(const std::filesystem::path& path, const std::string& text) {
  std::ofstream{path} << "#!/bin/sh\n" << text << "\n";
  REQUIRE(::chmod(path.c_str(), 0700) == 0);
}

}  // namespace

TEST_CASE("a host that has everything has every arm, without remarks") {
  const std::vector<Capability> all = capabilities_from(everything);
  REQUIRE(all.size() == 8);
  for (const Capability& one : all) {
    INFO(one.arm);
    CHECK(one.available);
    CHECK(one.why.empty());
  }
}

TEST_CASE("what is missing is said of each arm that needs it") {
  ArmTraits traits = everything;
  traits.noise = {};
  for (const char* arm : {"noise", "yield", "pct"})
    CHECK(decided(arm, traits) == Capability{arm, false, "libndrepro-noise.so is not installed beside the shim"});
  CHECK(decided("hold", traits).available);
  traits.noise = {true, false, "wrong ELF class"};
  CHECK(decided("noise", traits).why == "libndrepro-noise.so does not work here: wrong ELF class");
  traits = everything;
  traits.hold = {true, false, ""};
  CHECK(decided("hold", traits) == Capability{"hold", false, "ndrepro-hold does not work here"});
  traits.cpus = 1;
  CHECK_FALSE(decided("affinity", traits).available);
}

TEST_CASE("the scheduling class decides over preemption and priorities") {
  ArmTraits traits = everything;
  traits.preempt = PreemptClass::nice;
  CHECK(decided("preempt", traits).available);
  CHECK_THAT(decided("preempt", traits).why, ContainsSubstring("weaker"));
  CHECK_FALSE(decided("pct", traits).available);
  traits.preempt = PreemptClass::plain;
  CHECK_FALSE(decided("preempt", traits).available);
  CHECK_THAT(decided("preempt", traits).why, ContainsSubstring("CAP_SYS_NICE"));
  traits = everything;
  traits.limits_real_time = false;
  CHECK_FALSE(decided("pct", traits).available);
  CHECK(decided("preempt", traits).available);
}

TEST_CASE("the arms of this host are tried") {
  TempFolder folder;
  const std::filesystem::path library = std::filesystem::path{NDREPRO_BIN_DIR} / "libndrepro-noise.so";
  write_program(folder / "ndrepro-hold", "[ \"$1\" = --check ] && exit 0; exit 9");
  const auto all = capabilities_here({library, folder / "ndrepro-hold"});
  CHECK(capability_of("noise", all) == Capability{"noise", true, ""});
  CHECK(capability_of("hold", all) == Capability{"hold", true, ""});
  CHECK(capability_of("preempt", all).available == (preempt_class_here() != PreemptClass::plain));
}

TEST_CASE("a trial that fails says why, and one that hangs is ended") {
  TempFolder folder;
  std::ofstream{folder / "libndrepro-noise.so"} << "no library";
  write_program(folder / "ndrepro-hold", "echo 'ptrace is denied by Yama'; echo more; exit 1");
  auto all = capabilities_here({folder / "libndrepro-noise.so", folder / "ndrepro-hold"});
  CHECK_FALSE(capability_of("noise", all).available);
  CHECK_THAT(capability_of("noise", all).why, ContainsSubstring("cannot be preloaded"));
  CHECK(capability_of("hold", all).why == "ndrepro-hold does not work here: ptrace is denied by Yama");
  write_program(folder / "ndrepro-hold", "exec sleep 100");
  all = capabilities_here({folder / "none.so", folder / "ndrepro-hold"});
  CHECK(capability_of("hold", all).why == "ndrepro-hold does not work here: its --check did not end in time");
  CHECK(capability_of("noise", all).why == "libndrepro-noise.so is not installed beside the shim");
  std::filesystem::remove(folder / "ndrepro-hold");
  CHECK(capability_of("hold", capabilities_here({folder / "none.so", folder / "ndrepro-hold"})).why ==
        "ndrepro-hold is not installed beside the shim");
}
