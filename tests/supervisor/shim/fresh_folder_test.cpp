#include "supervisor/shim/fresh_folder.hpp"

#include <unistd.h>

#include <fstream>

#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

TEST_CASE("a folder that a run leaves untouched is given to the next run again") {
  const TempFolder parent;
  FreshFolder folder{parent.path()};
  const std::filesystem::path first = folder.take(1);
  CHECK(std::filesystem::is_empty(first));
  CHECK((std::filesystem::status(first).permissions() & std::filesystem::perms::all) == std::filesystem::perms{0750});
  folder.give_back();
  CHECK(folder.take(2) == first);
  CHECK(std::filesystem::is_empty(first));
}

TEST_CASE("a folder that a run has touched is another one for the next run, and is gone") {
  struct Touch {
    const char* what;
    void (*by)(const std::filesystem::path&);
  };
  const Touch touches[] = {
      {"a file", [](const std::filesystem::path& at) { std::ofstream{at / "file"} << "x"; }},
      {"a file that came and went",
       [](const std::filesystem::path& at) {
         std::ofstream{at / "file"} << "x";
         std::filesystem::remove(at / "file");
       }},
      {"folders", [](const std::filesystem::path& at) { std::filesystem::create_directories(at / "a" / "b"); }},
      {"a link", [](const std::filesystem::path& at) { std::filesystem::create_symlink("/nowhere", at / "link"); }},
      {"itself gone", [](const std::filesystem::path& at) { std::filesystem::remove(at); }},
      {"another in its place",
       [](const std::filesystem::path& at) {
         std::filesystem::remove(at);
         std::filesystem::create_directory(at);
       }},
  };
  for (const Touch& touch : touches) {
    INFO(touch.what);
    const TempFolder parent;
    FreshFolder folder{parent.path()};
    for (std::int64_t run = 1; run <= 50; ++run) {
      const std::filesystem::path path = folder.take(run);
      CHECK(path == parent.path() / std::to_string(run));
      REQUIRE(std::filesystem::is_empty(path));
      touch.by(path);
      folder.give_back();
      CHECK_FALSE(std::filesystem::exists(path));
    }
  }
}

TEST_CASE("nothing is left when the last run is over, and a folder that cannot be made is told") {
  const TempFolder parent;
  {
    FreshFolder folder{parent.path()};
    std::ofstream{folder.take(1) / "file"} << "x";
  }
  CHECK(std::filesystem::is_empty(parent.path()));
  FreshFolder nowhere{parent.path() / "missing"};
  CHECK_THROWS_AS(nowhere.take(1), std::system_error);
}

TEST_CASE("an emptied folder stays itself") {
  const TempFolder parent;
  std::filesystem::create_directories(parent.path() / "a" / "b");
  std::ofstream{parent.path() / "file"} << "x";
  empty_folder(parent.path());
  CHECK(std::filesystem::is_empty(parent.path()));
  empty_folder(parent.path() / "missing");
}
