#include "daemon/inspect_command.hpp"

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/catch.hpp"

namespace {

const std::filesystem::path checkout = std::filesystem::path{__FILE__}.parent_path().parent_path() / "data/checkout";

struct Inspected {
  int code = 0;
  nlohmann::json found;
};

Inspected inspect(ndr::InspectOptions options) {
  options.json = true;
  std::ostringstream out;
  std::ostringstream err;
  const int code = ndr::inspect_command(options, out, err);
  INFO(err.str());
  REQUIRE(code != 2);
  return {code, nlohmann::json::parse(out.str())};
}

ndr::InspectOptions of_checkout() {
  ndr::InspectOptions options;
  options.repository = checkout;
  return options;
}

}  // namespace

TEST_CASE("what a checkout has is found") {
  const Inspected whole = inspect(of_checkout());
  CHECK(whole.code == 0);
  CHECK_FALSE(whole.found["workflows"].empty());
  CHECK_FALSE(whole.found["tests"].empty());
  ndr::InspectOptions options = of_checkout();
  options.workflow = whole.found["workflows"].begin().key();
  const Inspected one = inspect(options);
  CHECK(one.code == 0);
  CHECK(one.found["workflows"].size() == 1);
  CHECK(one.found["tests"].empty());
}

TEST_CASE("exit status 1 says that something named is not there") {
  ndr::InspectOptions options = of_checkout();
  options.workflow = "no-such.yaml";
  const Inspected workflow = inspect(options);
  CHECK(workflow.code == 1);
  CHECK(workflow.found["problems"][0]["reason"] == "is no workflow of the checkout");
  options = of_checkout();
  options.workflow = inspect(of_checkout()).found["workflows"].begin().key();
  options.job = "no such job";
  CHECK(inspect(options).code == 1);
  options = of_checkout();
  options.logs = {checkout / "no-such.log"};
  CHECK(inspect(options).code == 1);
}

TEST_CASE("a folder that holds nothing for us is called so") {
  ndr::InspectOptions options;
  options.repository = std::filesystem::path{__FILE__}.parent_path();
  const Inspected empty = inspect(options);
  CHECK(empty.code == 1);
  CHECK(empty.found["problems"].back()["reason"] == "has no workflow in .github/workflows and no test");
}
