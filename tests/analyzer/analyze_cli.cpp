// The daemon's `analyze` alone, so that the corpus can be scored without the rest of the program.
#include <cstring>
#include <iostream>

#include "daemon/analyze_command.hpp"

int main(int argc, char** argv) {
  ndr::AnalyzeOptions options;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0)
      options.json = true;
    else if (i > 1 || std::strcmp(argv[i], "analyze") != 0)
      options.files.emplace_back(argv[i]);
  }
  return ndr::analyze_command(options, std::cout, std::cerr);
}
