// The daemon's `analyze` alone, so that the corpus can be scored without the rest of the program.
#include <cstring>
#include <filesystem>
#include <iostream>
#include <vector>

#include "daemon/analyze_command.hpp"

int main(int argc, char** argv) {
  bool json = false;
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0)
      json = true;
    else if (i > 1 || std::strcmp(argv[i], "analyze") != 0)
      files.emplace_back(argv[i]);
  }
  return ndr::analyze_command(files, json, std::cout, std::cerr);
}
