#include "supervisor/campaign/case_registry.hpp"

#include <spdlog/spdlog.h>

#include "storage/atomic_file.hpp"
#include "storage/evidence_json.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

const std::string failing_log =
    "##[group]Run python3 ledger/store.py\n##[endgroup]\nTraceback (most recent call last):\n"
    "  File \"/project/ledger/store.py\", line 41, in settle\n    raise RuntimeError(\"ledger differs\")\n"
    "RuntimeError: ledger differs: 31 entries, expected 32\n##[error]Process completed with exit code 1.\n";

struct RegistryWorld {
  TempFolder folder;
  boost::asio::io_context io;
  Settings settings;
  Store store{folder / "state.db"};
  ChangeFeed changes{io.get_executor()};
  StoreAccess access{store, changes};
  Launcher launcher{io.get_executor(), NDREPRO_BIN_DIR "/ndreprod-shim"};
  CaseRegistry registry{settings, access, launcher};
  CaseFolder ledger{folder / "cases" / "ledger"};

  RegistryWorld() {
    spdlog::set_level(spdlog::level::off);
    settings.case_roots = {folder / "cases"};
    std::filesystem::create_directories(ledger.logs());
    write_file_atomically(ledger.run_script(), "#!/bin/bash\n", 0755);
  }

  Checked<CaseRow> add(const std::filesystem::path& path) { return run_coroutine(io, registry.add(path, "uid:1000")); }
  Checked<CaseRow> analyze(const std::string& name = "ledger") { return run_coroutine(io, registry.analyze(name)); }
  void log(const std::string& name, const std::string& text) { write_file_atomically(ledger.logs() / name, text); }
};

}  // namespace

TEST_CASE("a case is registered under its folder's name, once") {
  RegistryWorld world;
  const Checked<CaseRow> added = world.add(world.ledger.root());
  REQUIRE(added.has_value());
  CHECK(added->name == "ledger");
  CHECK(added->folder == world.ledger.root().string());
  CHECK(added->owner == "uid:1000");
  CHECK(world.add(world.ledger.root())->id == added->id);
  CHECK(world.store.cases.list("", 10).size() == 1);
  CHECK(world.store.events.after(EventId{0}, 10).size() == 1);
}

TEST_CASE("a folder that cannot be a case is refused and leaves no row") {
  RegistryWorld world;
  std::filesystem::create_directories(world.folder / "elsewhere" / "ledger");
  std::filesystem::create_directories(world.folder / "cases" / "UPPER");
  CHECK(world.add(world.folder / "elsewhere" / "ledger").has_error());
  CHECK(world.add(world.folder / "cases" / "UPPER").has_error());
  CHECK(world.add(world.folder / "cases" / "missing").has_error());
  write_file_atomically(world.ledger.settings(), "bord: 1\n");
  CHECK_THAT(world.add(world.ledger.root()).error().field, ContainsSubstring("case.yaml:1: bord"));
  CHECK(world.store.cases.list("", 10).empty());
}

TEST_CASE("a name that another folder has is refused") {
  RegistryWorld world;
  REQUIRE(world.add(world.ledger.root()).has_value());
  world.settings.case_roots.push_back(world.folder / "more");
  std::filesystem::create_directories(world.folder / "more" / "ledger");
  const Checked<CaseRow> refused = world.add(world.folder / "more" / "ledger");
  REQUIRE(refused.has_error());
  CHECK(refused.error().field == "folder");
  CHECK_THAT(refused.error().reason, ContainsSubstring(world.ledger.root().string()));
}

TEST_CASE("a folder that has moved is the same case") {
  RegistryWorld world;
  const CaseRow added = world.add(world.ledger.root()).value();
  world.log("ci.log", failing_log);
  REQUIRE(world.analyze().has_value());
  std::filesystem::create_directories(world.folder / "cases" / "old");
  const std::filesystem::path moved = world.folder / "cases" / "old" / "ledger";
  std::filesystem::rename(world.ledger.root(), moved);
  const Checked<CaseRow> again = world.add(moved);
  REQUIRE(again.has_value());
  CHECK(again->id == added.id);
  CHECK(again->folder == moved.string());
  CHECK(again->evidence_json.has_value());
  CHECK_THAT(world.store.events.after(EventId{0}, 10).back().body, ContainsSubstring("\"moved\""));
  CHECK(world.analyze().has_value());
}

TEST_CASE("a script that cannot run yet is told of but does not keep a case out") {
  RegistryWorld world;
  std::filesystem::remove(world.ledger.run_script());
  CHECK(world.add(world.ledger.root()).has_value());
  CHECK_THAT(world.store.events.after(EventId{0}, 10).front().body, ContainsSubstring("run_test.sh"));
}

TEST_CASE("an analysis is stored and written beside the logs") {
  RegistryWorld world;
  REQUIRE(world.add(world.ledger.root()).has_value());
  world.log("ci.log", failing_log);
  world.log("run_3.log", "Traceback of mine\n");
  const Checked<CaseRow> analyzed = world.analyze();
  REQUIRE(analyzed.has_value());
  const Evidence evidence = evidence_from_json(analyzed->evidence_json.value()).value();
  CHECK(evidence.is_failure);
  CHECK(evidence.files == std::vector<std::string>{"logs/ci.log"});
  CHECK(signature_from_json(analyzed->signature_json.value())->exception == "RuntimeError");
  CHECK(read_file(world.ledger.evidence()) == *analyzed->evidence_json + "\n");
}

TEST_CASE("a log larger than one piece is read whole") {
  RegistryWorld world;
  REQUIRE(world.add(world.ledger.root()).has_value());
  std::string log;
  while (log.size() < (700u << 10))
    log += "test_something.py::test_a PASSED\n";
  world.log("ci.log", log + failing_log);
  CHECK(evidence_from_json(world.analyze()->evidence_json.value())->is_failure);
}

TEST_CASE("logs that say nothing are refused with what to do") {
  RegistryWorld world;
  REQUIRE(world.add(world.ledger.root()).has_value());
  CHECK(world.analyze("nobody").error().field == "case");
  CHECK(world.analyze().has_error());  // none
  world.log("run_1.log", failing_log);
  CHECK(world.analyze().has_error());  // only our own
  world.log("ci.log", "");
  CHECK(world.analyze().error().reason == "holds only empty files");
  std::string bytes;
  for (int i = 0; i < 16384; ++i)
    bytes += static_cast<char>(i % 256);
  world.log("ci.log", bytes);
  CHECK(world.analyze().error().reason == "is no text");
  CHECK_FALSE(world.store.cases.find("ledger")->evidence_json);
}

TEST_CASE("logs without a failure are analysed, and their evidence says so") {
  RegistryWorld world;
  REQUIRE(world.add(world.ledger.root()).has_value());
  world.log("ci.log", "all is well\n");
  const Checked<CaseRow> analyzed = world.analyze();
  REQUIRE(analyzed.has_value());
  CHECK(signature_from_json(analyzed->signature_json.value())->failure_type == FailureType::none);
}
