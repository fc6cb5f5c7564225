#include "storage/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <system_error>

#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;
namespace fs = std::filesystem;

namespace {

std::size_t entries_in(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator{folder}, fs::directory_iterator{}));
}

template <class Act>
int error_of(Act act) {
  try {
    act();
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

UniqueFd open_folder(const fs::path& path) { return UniqueFd{::open(path.c_str(), O_RDONLY | O_DIRECTORY)}; }

}  // namespace

TEST_CASE("a file is written whole, with its exact mode, and nothing beside it") {
  const TempFolder temp;
  const std::string bytes("a\0b\xff\n", 5);
  const mode_t before = ::umask(077);
  write_file_atomically(temp / "file", bytes, 0664);
  ::umask(before);
  CHECK(read_file(temp / "file") == bytes);
  CHECK(fs::status(temp / "file").permissions() == fs::perms(0664));
  write_file_atomically(temp / "file", "second");
  CHECK(read_file(temp / "file") == "second");
  CHECK(entries_in(temp.path()) == 1);
}

TEST_CASE("a write that fails leaves the old file and no temporary one") {
  const TempFolder temp;
  fs::create_directories(temp / "taken/full");
  CHECK(error_of([&] { write_file_atomically(temp / "taken", "x"); }) != 0);
  CHECK(entries_in(temp.path()) == 1);
  CHECK(error_of([&] { write_file_atomically(temp / "none" / "file", "x"); }) == ENOENT);
}

TEST_CASE("writing over a symlink replaces the link, never what it points to") {
  const TempFolder temp;
  write_file_atomically(temp / "target", "kept");
  fs::create_symlink("target", temp / "link");
  write_file_atomically(temp / "link", "new");
  CHECK(read_file(temp / "target") == "kept");
  CHECK(read_file(temp / "link") == "new");
}

TEST_CASE("only regular files within the limit are read, and never through a symlink") {
  const TempFolder temp;
  write_file_atomically(temp / "file", "12345");
  fs::create_symlink("file", temp / "link");
  REQUIRE(::mkfifo((temp / "fifo").c_str(), 0600) == 0);
  CHECK(read_file(temp / "file", 5) == "12345");
  CHECK(error_of([&] { read_file(temp / "file", 4); }) == EFBIG);
  CHECK(read_start(temp / "file", 3) == "123");
  CHECK(error_of([&] { read_file(temp / "link"); }) == ELOOP);
  CHECK(error_of([&] { read_file(temp / "fifo"); }) == EINVAL);
  CHECK(error_of([&] { read_file(temp.path()); }) == EINVAL);
  CHECK(error_of([&] { read_file(temp / "none"); }) == ENOENT);
}

TEST_CASE("there is no way out of a folder that is opened beneath") {
  const TempFolder temp;
  fs::create_directories(temp / "case/tests");
  write_file_atomically(temp / "case/tests/file", "x");
  write_file_atomically(temp / "secret", "x");
  fs::create_directory_symlink("tests", temp / "case/link");
  fs::create_symlink("../secret", temp / "case/out");
  const UniqueFd folder = open_folder(temp / "case");
  CHECK(open_beneath(folder, "tests/file", O_RDONLY).get() >= 0);
  CHECK(error_of([&] { open_beneath(folder, "../secret", O_RDONLY); }) == EXDEV);
  CHECK(error_of([&] { open_beneath(folder, "/etc/passwd", O_RDONLY); }) == EXDEV);
  CHECK(error_of([&] { open_beneath(folder, "link/file", O_RDONLY); }) == ELOOP);
  CHECK(error_of([&] { open_beneath(folder, "out", O_RDONLY); }) == ELOOP);
}

TEST_CASE("the content hash is FNV-1a with 64 bits") {
  // Test vectors of draft-eastlake-fnv, appendix C.
  CHECK(content_hash("") == "cbf29ce484222325");
  CHECK(content_hash("a") == "af63dc4c8601ec8c");
  CHECK(content_hash("foobar") == "85944171f73967e8");
}

TEST_CASE("a reserved file is published whole, or leaves nothing") {
  const TempFolder temp;
  {
    ReservedFile reserved{temp / ".draft", 16384};
    CHECK(entries_in(temp.path()) == 1);
    reserved.publish("file", "content", 0640);
  }
  CHECK(read_file(temp / "file") == "content");
  CHECK(fs::status(temp / "file").permissions() == fs::perms(0640));
  CHECK(entries_in(temp.path()) == 1);
  { const ReservedFile unused{temp / ".draft", 16384}; }
  CHECK(entries_in(temp.path()) == 1);
}

TEST_CASE("room that the disk has not is refused, and no draft is left") {
  const TempFolder temp;
  const int error = error_of([&] { ReservedFile{temp / ".draft", 1ull << 62}; });
  CHECK((error == ENOSPC || error == EFBIG));
  CHECK(entries_in(temp.path()) == 0);
}
