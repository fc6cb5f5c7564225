// Feeds the harness each file of the folders that are named; exit 1 where there is none.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/fuzz/fuzz.hpp"

int main(int argc, char** argv) {
  int fed = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator{argv[i]}) {
      std::ifstream file{entry.path(), std::ios::binary};
      ndr::fuzz_one(std::string{std::istreambuf_iterator<char>{file}, {}});
      ++fed;
    }
  }
  std::printf("%d seeds\n", fed);
  return fed > 0 ? 0 : 1;
}
