#include "tests/analyzer/log_fixtures.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace fs = std::filesystem;

std::string read_whole(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  if (!in) throw std::runtime_error{"read " + file.string()};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::vector<LogFixture> log_fixtures() {
  std::vector<LogFixture> fixtures;
  for (const auto& folder : fs::directory_iterator{fs::path{NDREPRO_SOURCE_DIR} / "tests/data/logs"}) {
    LogFixture fixture;
    fixture.name = folder.path().filename().string();
    for (const auto& file : fs::directory_iterator{folder.path()}) {
      if (file.path().extension() != ".log") continue;
      fixture.logs.emplace_back(file.path().filename().string(), read_whole(file.path()));
    }
    std::sort(fixture.logs.begin(), fixture.logs.end());
    fixture.expected = read_whole(folder.path() / "expected.json");
    fixtures.push_back(std::move(fixture));
  }
  std::sort(fixtures.begin(), fixtures.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return fixtures;
}
