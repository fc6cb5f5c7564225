#include "api/token.hpp"

#include <sys/stat.h>

#include "storage/atomic_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

namespace ndr {
namespace {

mode_t mode_of(const std::filesystem::path& file) {
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

TEST_CASE("the token's two files say the same and others cannot read them") {
  const TempFolder folder;
  const std::string token = create_token_files(folder.path());
  CHECK(token.size() == 64);
  CHECK(token.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(read_file(folder / "token") == token + "\n");
  CHECK(read_file(folder / "curl-header") == "Authorization: Bearer " + token + "\n");
  CHECK(mode_of(folder / "token") == 0640);
  CHECK(mode_of(folder / "curl-header") == 0640);
}

TEST_CASE("each start has a token of its own") {
  const TempFolder folder;
  const std::string first = create_token_files(folder.path());
  const std::string second = create_token_files(folder.path());
  CHECK(first != second);
  CHECK(read_file(folder / "token") == second + "\n");
}

TEST_CASE("a folder that is not there is told by name") {
  std::string told;
  try {
    create_token_files("/no/such/folder");
  } catch (const std::system_error& error) {
    told = error.what();
  }
  CHECK(told.find("/no/such/folder") != std::string::npos);
}

}  // namespace
}  // namespace ndr
