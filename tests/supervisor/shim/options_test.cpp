#include "supervisor/shim/options.hpp"

#include "tests/support/catch.hpp"

using namespace ndr;

TEST_CASE("a folder task has one folder, made absolute") {
  const auto options = shim_options_from({"run", "--no-cgroup", "/a/../b/1"});
  REQUIRE(options.has_value());
  CHECK(options.value().task == ShimTask::run);
  CHECK(options.value().folder == "/b/1");
  CHECK_FALSE(options.value().use_cgroup);
  CHECK(shim_options_from({"reset", "x"}).value().folder == std::filesystem::current_path() / "x");
  CHECK(shim_options_from({"reap", "/x"}).value().use_cgroup);
}

TEST_CASE("words that make no sense are refused, each by itself") {
  const auto field = [](std::vector<std::string> words) { return shim_options_from(words).error().field; };
  CHECK(shim_options_from({}).error().reason == "no task given");
  CHECK(field({"walk"}) == "walk");
  CHECK(field({"run"}) == "FOLDER");
  CHECK(field({"run", "/a", "/b"}) == "/b");
  CHECK(field({"run", "--quick", "/a"}) == "--quick");
  CHECK(field({"reap", "--no-cgroup", "/a"}) == "--no-cgroup");
  CHECK(field({"probe", "/a"}) == "/a");
}

TEST_CASE("the help names every task") {
  for (const char* task : {"run", "reset", "reap", "probe", "write", "--no-cgroup"}) {
    CHECK(help_text().find(task) != std::string_view::npos);
  }
}
