#include "supervisor/run/case_copy.hpp"

#include <filesystem>
#include <fstream>

#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;
namespace fs = std::filesystem;

namespace {

struct Copied {
  TempFolder folder;
  fs::path root = folder.path() / "ledger";
  Copied() {
    write("run_test.sh", "#!/bin/bash\ncd \"$(dirname \"$0\")\"\n");
    write("tests/ledger_stress.sh", "true\n");
  }
  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((root / file).parent_path());
    std::ofstream{root / file} << text;
  }
  std::string why() const { return why_in_place(CaseFolder{root}).value_or(""); }
};

}  // namespace

TEST_CASE("a case that names no folder of its own can be tried in a copy") {
  Copied one;
  one.write("README.md", "It is in " + one.root.string() + ".\n");
  one.write("logs/ci.log", one.root.string());
  one.write("tests/other.sh", one.root.string() + "-2/tool\n");
  fs::create_symlink("../../checkout", one.root / "checkout");
  CHECK(one.why().empty());
}

TEST_CASE("a script, test or link with the case's own path is told with its place") {
  Copied script;
  script.write("run_test.sh", "#!/bin/bash\n\n. " + script.root.string() + "/settings\n");
  CHECK(script.why() == "run_test.sh:3 names the folder of the case, " + script.root.string());
  Copied test;
  test.write("tests/conftest.py", "HERE = \"" + test.root.string() + "\"\n");
  CHECK(test.why() == "tests/conftest.py:1 names the folder of the case, " + test.root.string());
  Copied link;
  fs::create_symlink(link.root / "data", link.root / "latest");
  CHECK(link.why() == "latest is a link by the path of the case, " + link.root.string());
}

TEST_CASE("a case that is too big is run in place, whatever its logs and attempts have") {
  Copied one;
  one.write("logs/run_1.log", "");
  one.write(".ndrepro/attempts/1/core", "");
  fs::resize_file(one.root / "logs/run_1.log", 1u << 30);
  fs::resize_file(one.root / ".ndrepro/attempts/1/core", 1u << 30);
  CHECK(one.why().empty());
  one.write("model.bin", "");
  fs::resize_file(one.root / "model.bin", 21u << 20);
  CHECK(one.why() == "the case is too much to copy, above 20 MiB or 10000 files");
}
