#include "storage/case_folder.hpp"

#include <sys/stat.h>

#include <fstream>

#include "storage/file_system.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;
namespace fs = std::filesystem;

namespace {

void put(const fs::path& file, const std::string& text, fs::perms mode = fs::perms(0644)) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
  fs::permissions(file, mode);
}

std::string reason_of(const fs::path& path, const std::vector<fs::path>& roots) {
  const auto found = find_case_folder(path, roots, true);
  return found.has_error() ? found.error().reason : "accepted";
}

CaseFolder with_script(const TempFolder& temp, const std::string& text, int mode = 0755) {
  const CaseFolder folder{temp.path()};
  put(folder.run_script(), text, fs::perms(mode));
  return folder;
}

}  // namespace

TEST_CASE("a run log's number is read from its name only when spelled as we spell it") {
  CHECK(run_log_number("run_1.log") == 1);
  CHECK(run_log_number("run_120.log") == 120);
  for (const char* name : {"run_0.log", "run_01.log", "run_.log", "run_1.log.gz", "run_-1.log", "run_+1.log",
                           "run_1x.log", "xrun_1.log", "run_99999999999.log", "run_1.LOG", "", ".log"}) {
    INFO(name);
    CHECK_FALSE(run_log_number(name).has_value());
  }
}

TEST_CASE("logs of our own attempts are never CI evidence") {
  const TempFolder temp;
  const CaseFolder folder{temp.path()};
  put(folder.logs() / "run_1.log", "x");
  put(folder.logs() / "2_build.txt", "x");
  put(folder.logs() / "1_test.txt", "x");
  put(folder.logs() / ".hidden", "x");
  put(folder.logs() / "sub" / "deep.txt", "x");
  fs::create_symlink("/etc/passwd", folder.logs() / "passwd");
  const auto logs = ci_logs(folder);
  REQUIRE(logs.has_value());
  CHECK(logs.value() == std::vector<fs::path>{"logs/1_test.txt", "logs/2_build.txt"});
}

TEST_CASE("missing, empty and used-up logs/ are refused with the remedy") {
  const TempFolder temp;
  const CaseFolder folder{temp.path()};
  CHECK(ci_logs(folder).error().reason == "is missing or no folder");
  fs::create_directory(folder.logs());
  CHECK(ci_logs(folder).error().reason == "is empty");
  CHECK(ci_logs(folder).error().remedy == "copy the CI logs of the failure there");
  put(folder.run_log(3), "x");
  CHECK(ci_logs(folder).error().reason == "holds only run_N.log, the logs of our own attempts");
}

TEST_CASE("a logs/ that is a symlink is not followed") {
  const TempFolder temp;
  const TempFolder elsewhere;
  put(elsewhere / "ci.txt", "x");
  fs::create_symlink(elsewhere.path(), temp / "logs");
  CHECK(ci_logs(CaseFolder{temp.path()}).has_error());
}

TEST_CASE("attempt numbers go on above every run log and attempt folder that exists") {
  const TempFolder temp;
  const CaseFolder folder{temp.path()};
  CHECK(last_attempt_number(folder) == 0);
  put(folder.run_log(2), "x");
  put(folder.logs() / "run_007.log", "x");
  CHECK(last_attempt_number(folder) == 2);
  fs::create_directories(folder.attempt(5));
  CHECK(last_attempt_number(folder) == 5);
  fs::create_symlink("/nowhere", folder.run_log(9));
  CHECK(last_attempt_number(folder) == 9);
}

TEST_CASE("a case is a folder below a root") {
  const TempFolder temp;
  fs::create_directories(temp / "roots/a/gather-timeout");
  const std::vector<fs::path> roots{temp / "other", temp / "roots"};
  const auto found = find_case_folder(temp / "roots/a/gather-timeout/", roots, true);
  REQUIRE(found.has_value());
  CHECK(found.value().root() == temp / "roots/a/gather-timeout");
  CHECK(reason_of(temp / "roots", roots) == "is not below a case root");
  CHECK(reason_of(temp / "roots-of-evil/x", roots) == "is not below a case root");
  CHECK(reason_of("/etc", roots) == "is not below a case root");
  CHECK(reason_of("a/gather-timeout", roots) == "is not an absolute path");
  CHECK(reason_of(temp / "roots/a/none", roots) == "does not exist");
}

TEST_CASE("two dots are refused even where they lead back below the root") {
  const TempFolder temp;
  fs::create_directories(temp / "a/case");
  CHECK(reason_of(temp / "a/../a/case", {temp.path()}) == "must not contain ..");
  CHECK(reason_of(temp / "a/../../etc", {temp.path()}) == "must not contain ..");
}

TEST_CASE("a symlink on the way below the root is refused by name, one above it is not") {
  const TempFolder temp;
  fs::create_directories(temp / "real/deep/case");
  fs::create_directory_symlink(temp / "real", temp / "root");
  fs::create_directory_symlink("deep", temp / "real/link");
  fs::create_directory_symlink("case", temp / "real/deep/alias");
  const auto through = find_case_folder(temp / "real/link/case", {temp / "real"}, true);
  REQUIRE(through.has_error());
  CHECK(through.error().field == (temp / "real/link").string());
  CHECK(through.error().reason == "is a symbolic link");
  CHECK(reason_of(temp / "real/deep/alias", {temp / "real"}) == "is a symbolic link");
  const auto found = find_case_folder(temp / "root/deep/case", {temp / "root"}, true);
  REQUIRE(found.has_value());
  CHECK(found.value().root() == temp / "real/deep/case");
  CHECK(find_case_folder(temp / "real/deep/case", {temp / "root"}, true).has_value());
}

TEST_CASE("case names are plain words") {
  const TempFolder temp;
  const std::string longest(64, 'a');
  for (const std::string& name : {std::string("gather-timeout"), std::string("0.a_b-c"), longest}) {
    fs::create_directory(temp / name);
    CHECK(reason_of(temp / name, {temp.path()}) == "accepted");
  }
  for (const std::string& name : {std::string("Upper"), std::string(".hidden"), std::string("-x"), longest + "a",
                                  std::string("a b"), std::string("a$(id)"), std::string("a\nb"), std::string("ä")}) {
    fs::create_directory(temp / name);
    INFO(name);
    CHECK(reason_of(temp / name, {temp.path()}) == "has a name that no case may have");
  }
}

TEST_CASE("a file is no case") {
  const TempFolder temp;
  put(temp / "case", "x");
  CHECK(reason_of(temp / "case", {temp.path()}) == "is not a folder");
}

TEST_CASE("network file systems are told by their type") {
  CHECK(network_file_system(0x6969) == "NFS");
  CHECK(network_file_system(0xFF534D42) == "CIFS");
  CHECK(network_file_system(static_cast<long>(static_cast<int>(0xFF534D42))) == "CIFS");  // as 32-bit hosts say it
  CHECK(network_file_system(0x01021997) == "9P");
  CHECK(network_file_system(0x65735546) == "FUSE");
  CHECK_FALSE(network_file_system(0xEF53).has_value());      // ext4
  CHECK_FALSE(network_file_system(0x01021994).has_value());  // tmpfs
  CHECK_FALSE(network_file_system(0x9123683E).has_value());  // btrfs
}

TEST_CASE("a run script that cannot run is refused with what to do") {
  const TempFolder temp;
  const CaseFolder folder{temp.path()};
  CHECK(check_run_script(folder).error().reason == "is missing");
  with_script(temp, "#!/bin/sh\n", 0644);
  CHECK(check_run_script(folder).error().reason == "is not executable");
  CHECK(check_run_script(folder).error().remedy == "run: chmod +x " + folder.run_script().string());
  with_script(temp, "#!/bin/sh\n");
  CHECK(check_run_script(folder).has_value());
  fs::remove(folder.run_script());
  fs::create_symlink("/bin/true", folder.run_script());
  CHECK(check_run_script(folder).error().reason == "is not a regular file");
  fs::remove(folder.run_script());
  REQUIRE(::mkfifo(folder.run_script().c_str(), 0755) == 0);
  CHECK(check_run_script(folder).error().reason == "is not a regular file");
}

TEST_CASE("the interpreter line of a run script is checked") {
  const TempFolder temp;
  const auto reason = [&temp](const std::string& text) {
    const auto checked = check_run_script(with_script(temp, text));
    return checked.has_error() ? checked.error().reason : "accepted";
  };
  CHECK(reason("#!/bin/sh -e\n") == "accepted");
  CHECK(reason("#! /usr/bin/env bash\n") == "accepted");
  CHECK(reason("#!/usr/bin/env -S LC_ALL=C bash -x\n") == "accepted");
  CHECK(reason("#!/bin/sh") == "accepted");
  CHECK(reason("#!/bin/bash\r\n") == "has Windows line endings");
  CHECK(reason("echo hello\n") == "names no interpreter in its first line");
  CHECK(reason("") == "names no interpreter in its first line");
  CHECK(reason("#!/no/such/shell\n") == "names an interpreter that is not there: /no/such/shell");
  CHECK(reason("#!bash\n") == "names an interpreter that is not there: bash");
  CHECK(reason("#!/tmp\n") == "names an interpreter that is not there: /tmp");
  CHECK(reason("#!/usr/bin/env no-such-shell\n") == "names an interpreter that is not on PATH: no-such-shell");
  CHECK(reason("#!/usr/bin/env\n") == "names an interpreter that is not on PATH: ");
}

TEST_CASE("the contract line counts in the first 20 lines only") {
  const TempFolder temp;
  CHECK_FALSE(has_contract_line(CaseFolder{temp.path()}));
  CHECK(has_contract_line(with_script(temp, "#!/bin/sh\n# ndrepro-contract: 1\n")));
  CHECK(has_contract_line(with_script(temp, "#!/bin/sh" + std::string(19, '\n') + "# ndrepro-contract: 1")));
  CHECK_FALSE(has_contract_line(with_script(temp, "#!/bin/sh" + std::string(20, '\n') + "# ndrepro-contract: 1")));
  CHECK_FALSE(has_contract_line(with_script(temp, "#!/bin/sh\n# ndrepro-contract: 12\n")));
  CHECK_FALSE(has_contract_line(with_script(temp, "#!/bin/sh\npytest \"$@\"\n")));
}
