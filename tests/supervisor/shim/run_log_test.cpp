#include "supervisor/shim/run_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "storage/atomic_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;
namespace fs = std::filesystem;

namespace {

std::string reason(const fs::path& log) {
  const auto made = create_log(log);
  return made.has_error() ? made.error().reason : "made";
}

void append(const UniqueFd& log, const std::string& text) {
  REQUIRE(::write(log.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

}  // namespace

TEST_CASE("a log is only ever made anew") {
  const TempFolder temp;
  fs::create_directory(temp / "logs");
  CHECK(reason(temp / "logs/run_1.log") == "made");
  CHECK(fs::status(temp / "logs/run_1.log").permissions() == fs::perms(0640));
  CHECK(reason(temp / "logs/run_1.log").ends_with("File exists"));
  fs::create_symlink("/tmp/never-made", temp / "logs/run_2.log");
  CHECK(reason(temp / "logs/run_2.log").ends_with("File exists"));
  CHECK_FALSE(fs::exists("/tmp/never-made"));
}

TEST_CASE("a log's folder is there and is no symlink") {
  const TempFolder temp;
  fs::create_directory(temp / "elsewhere");
  fs::create_directory_symlink("elsewhere", temp / "logs");
  CHECK(reason(temp / "logs/run_1.log").ends_with("its folder is a symbolic link or no folder"));
  CHECK(reason(temp / "none/run_1.log").ends_with("No such file or directory"));
}

TEST_CASE("a log within its limit is left alone") {
  const TempFolder temp;
  const UniqueFd log = create_log(temp / "log").value();
  append(log, std::string(1 << 20, 'x'));
  LogLimit limit{log.get(), 1 << 20};
  CHECK(limit.hold());
  CHECK(read_file(temp / "log") == std::string(1 << 20, 'x'));
  CHECK(limit.log_bytes() == 1 << 20);
}

TEST_CASE("a log above its limit loses its middle, never its ends or its offsets") {
  const TempFolder temp;
  const UniqueFd log = create_log(temp / "log").value();
  LogLimit limit{log.get(), 1 << 20};
  std::string written;
  for (int round = 0; round < 5; ++round) {
    const std::string piece(1 << 20, static_cast<char>('a' + round));
    append(log, piece);
    written += piece;
    REQUIRE(limit.hold());
  }
  const std::string bytes = read_file(temp / "log");
  REQUIRE(bytes.size() == written.size());
  constexpr std::size_t kept = (1 << 20) / 4;
  CHECK(bytes.substr(0, kept) == written.substr(0, kept));
  CHECK(bytes.substr(bytes.size() - kept) == written.substr(bytes.size() - kept));
  CHECK(bytes.substr(1 << 20, 4096) == std::string(4096, '\0'));
  struct stat status {};
  REQUIRE(::fstat(log.get(), &status) == 0);
  CHECK(status.st_blocks * 512 <= 1 << 20);
}

TEST_CASE("where holes cannot be made, the log is out of bounds") {
  const TempFolder temp;
  write_file_atomically(temp / "log", std::string(1 << 20, 'x'));
  const UniqueFd read_only{::open((temp / "log").c_str(), O_RDONLY | O_CLOEXEC)};  // fallocate needs a writer
  LogLimit limit{read_only.get(), 1 << 16};
  CHECK_FALSE(limit.hold());
}

TEST_CASE("a log is looked at sooner the nearer its limit is, and never without one") {
  const TempFolder temp;
  const UniqueFd log = create_log(temp / "log").value();
  CHECK(LogLimit(log.get(), 100ull << 30).next_look_ms() == 5000);
  CHECK(LogLimit(log.get(), 2ull << 30).next_look_ms() == 2000);
  CHECK(LogLimit(log.get(), 1 << 20).next_look_ms() == 250);
  CHECK_FALSE(LogLimit(log.get(), 0).next_look_ms().has_value());
}
