#include "daemon/start_check.hpp"

#include <fstream>

#include "storage/file_system.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

Refusal refusal_of_pack(const std::string& text) {
  const TempFolder temp;
  std::ofstream{temp / "site.yaml"} << text;
  Settings settings;
  settings.state_folder = temp / "not/yet/made";
  settings.signal_rules = {temp / "site.yaml"};
  const auto rules = check_start(settings);
  return rules.has_error() ? rules.error() : Refusal{};
}

}  // namespace

TEST_CASE("a rule pack that cannot be read or compiled is refused before the start") {
  CHECK(refusal_of_pack("rules: []\n") == Refusal{});
  CHECK(refusal_of_pack("rules: [{id: a.b, pattern: '('}]\n").field.find("site.yaml:1") != std::string::npos);
  Settings settings;
  settings.state_folder = "/";
  settings.signal_rules = {"/no/such/pack.yaml"};
  const auto rules = check_start(settings);
  REQUIRE(rules.has_error());
  CHECK(rules.error().field == "signal_rules");
  CHECK(rules.error().reason.find("/no/such/pack.yaml") != std::string::npos);
}

TEST_CASE("a state folder on a network file system is refused with what to do") {
  const auto refused = refuse_state_on(network_file_system(0x6969), "/home/me/state");
  REQUIRE(refused);
  CHECK(to_text(*refused) ==
        "state_folder: /home/me/state is on a network file system (NFS); set state_folder to a folder on a local disk");
  CHECK_FALSE(refuse_state_on(network_file_system(0xEF53), "/home/me/state"));
}

TEST_CASE("a folder that is not made yet will be where its nearest parent is") {
  const TempFolder temp;
  CHECK_FALSE(network_file_system(temp / "not/yet/made"));
}
