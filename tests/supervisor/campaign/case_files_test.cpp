#include "supervisor/campaign/case_files.hpp"

#include "analyzer/evidence/signature.hpp"
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

TEST_CASE("an excerpt is twenty readable lines around the offset") {
  TempFolder folder;
  std::string log = "before\n\x1b[31mred\x1b[0m\xff\n";
  for (int i = 0; i < 50; ++i)
    log += "line " + std::to_string(i) + "\n";
  write_file_atomically(folder / "run_1.log", log);
  const std::string early = excerpt(folder / "run_1.log", 7);
  CHECK(early.starts_with("before\nred\xef\xbf\xbd\nline 0\n"));
  CHECK(early.ends_with("line 17\n"));
  const std::string middle = excerpt(folder / "run_1.log", log.find("line 30"));
  CHECK(middle.starts_with("line 20\n"));
  CHECK(middle.ends_with("line 39\n"));
}

TEST_CASE("lines before an excerpt's are whole or left out") {
  TempFolder folder;
  const std::string log = std::string(100000, 'x') + "\nshort\nhere\n";
  write_file_atomically(folder / "run_1.log", log);
  CHECK(excerpt(folder / "run_1.log", log.find("here")) == "short\nhere\n");
  CHECK(excerpt(folder / "run_1.log", log.find("short")) == "short\nhere\n");
}

TEST_CASE("the line of a message is found by its masked text") {
  TempFolder folder;
  const std::string log =
      "early\n>   raise ledger.LostUpdate(f\"two added 1 each but the ledger says {n}\")\n"
      "\x1b[1m\x1b[31mE   ledger.LostUpdate: two added 1 each but the ledger says 17\x1b[0m\n";
  write_file_atomically(folder / "run_1.log", log);
  const std::string wanted = mask_values("ledger.LostUpdate: two added 1 each but the ledger says 3");
  CHECK(line_of_message(folder / "run_1.log", 6, wanted) == log.find("\x1b[1m"));
  CHECK(line_of_message(folder / "run_1.log", log.size(), wanted) == std::nullopt);
  CHECK(line_of_message(folder / "run_1.log", 6, "") == std::nullopt);
  CHECK(line_of_message(folder / "none.log", 6, wanted) == std::nullopt);
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
