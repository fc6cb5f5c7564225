#include "supervisor/campaign/case_files.hpp"

#include "storage/atomic_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

struct RealShim {
  TempFolder folder;
  boost::asio::io_context io;
  Launcher launcher{io.get_executor(), NDREPRO_BIN_DIR "/ndreprod-shim"};
  ShimCaseWriter writer{launcher};
  CaseFolder of_case{folder.path()};

  Checked<void> write(const std::string& file, const std::string& text, std::optional<std::string> hash = {}) {
    return run_coroutine(io, writer.write(of_case, file, text, std::move(hash)));
  }
};

}  // namespace

TEST_CASE("an excerpt is twenty readable lines from the offset") {
  TempFolder folder;
  std::string log = "before\n\x1b[31mred\x1b[0m\xff\n";
  for (int i = 0; i < 30; ++i)
    log += "line " + std::to_string(i) + "\n";
  write_file_atomically(folder / "run_1.log", log);
  const std::string text = excerpt(folder / "run_1.log", 7);
  CHECK(text.starts_with("red\xef\xbf\xbd\nline 0\n"));
  CHECK(text.ends_with("line 18\n"));
}

TEST_CASE("an excerpt of long lines and at the end of the log is cut, never broken") {
  TempFolder folder;
  write_file_atomically(folder / "run_1.log", std::string(299, 'a') + "ä" + std::string(100000, 'b'));
  CHECK(excerpt(folder / "run_1.log", 0) == std::string(299, 'a') + "…\n");
  CHECK(excerpt(folder / "run_1.log", 1 << 30).empty());
  CHECK(excerpt(folder / "none.log", 0).empty());
}

TEST_CASE("case settings that are not there are none, those that cannot be read are refused") {
  TempFolder folder;
  const CaseFolder of_case{folder.path()};
  CHECK(read_case_settings(of_case).value() == CaseSettings{});
  write_file_atomically(of_case.settings(), "job: ring\n");
  CHECK(read_case_settings(of_case).value().job == "ring");
  std::filesystem::remove(of_case.settings());
  std::filesystem::create_directory(of_case.settings());
  CHECK(read_case_settings(of_case).has_error());
}

TEST_CASE("the shim writes into a case, and only over what was expected") {
  RealShim world;
  CHECK(world.write("README.md", "one", "").has_value());
  CHECK(read_file(world.of_case.readme()) == "one");
  CHECK(world.write("README.md", "two", "").has_error());
  CHECK(world.write("README.md", "two", content_hash("one")).has_value());
  CHECK(world.write(".ndrepro/evidence.json", "{}").has_value());
  CHECK(read_file(world.of_case.evidence()) == "{}");
  CHECK(run_coroutine(world.io, world.writer.check_writable(world.of_case)).has_value());
}

TEST_CASE("a page keeps its mode when it is written anew") {
  RealShim world;
  write_file_atomically(world.of_case.readme(), "one", 0664);
  CHECK(world.write("README.md", "two").has_value());
  const auto mode = [&] {
    return static_cast<unsigned>(std::filesystem::status(world.of_case.readme()).permissions());
  };
  CHECK(mode() == 0664);
  std::filesystem::remove(world.of_case.readme());
  CHECK(world.write("README.md", "three").has_value());
  CHECK(mode() == 0644);
}

TEST_CASE("a page that is no UTF-8 is left as it is") {
  RealShim world;
  write_file_atomically(world.of_case.readme(), "na\xefve");
  const Checked<void> refused = world.write("README.md", "na\xefve, and results", content_hash("na\xefve"));
  REQUIRE(refused.has_error());
  CHECK_THAT(refused.error().reason, ContainsSubstring("not UTF-8"));
  CHECK(read_file(world.of_case.readme()) == "na\xefve");
}

TEST_CASE("what the shim cannot write is refused with the path and a remedy") {
  RealShim world;
  std::filesystem::create_directory(world.of_case.readme());
  const Checked<void> refused = world.write("README.md", "one");
  REQUIRE(refused.has_error());
  CHECK(refused.error().field == world.of_case.readme().string());
  CHECK_THAT(refused.error().remedy, ContainsSubstring("chown"));
  world.of_case = CaseFolder{world.folder / "gone"};
  CHECK(run_coroutine(world.io, world.writer.check_writable(world.of_case)).has_error());
}
