#include "daemon/options.hpp"

#include <iostream>
#include <sstream>
#include <vector>

#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

Options parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "ndreprod");
  const std::ostringstream silent;
  std::streambuf* const out = std::cout.rdbuf(silent.rdbuf());
  std::streambuf* const err = std::cerr.rdbuf(silent.rdbuf());
  const Options options = parse_options(static_cast<int>(arguments.size()), arguments.data());
  std::cout.rdbuf(out);
  std::cerr.rdbuf(err);
  return options;
}

}  // namespace

TEST_CASE("serve takes its folders from options") {
  const Options options = parse({"serve", "--state", "/s", "--tcp", "off", "--case-root", "/a", "--case-root", "/b"});
  CHECK(options.command == Command::serve);
  CHECK(options.serve.state_folder == "/s");
  CHECK(options.serve.tcp == "off");
  CHECK(options.serve.case_roots.size() == 2);
}

TEST_CASE("analyze needs at least one file") {
  CHECK(parse({"analyze"}).exit_code == 2);
  const Options options = parse({"analyze", "--json", "a.log", "b.log"});
  CHECK(options.command == Command::analyze);
  CHECK(options.analyze.json);
  CHECK(options.analyze.files.size() == 2);
}

TEST_CASE("help and version end well, a wrong word ends with 2") {
  CHECK(parse({"--help"}).exit_code == 0);
  CHECK(parse({"--version"}).exit_code == 0);
  CHECK(parse({"dance"}).exit_code == 2);
  CHECK(parse({}).exit_code == 2);
}
