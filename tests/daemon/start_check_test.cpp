#include "daemon/start_check.hpp"

#include <fstream>

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
