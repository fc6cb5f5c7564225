// ndrepro-hold-index: what ndrepro-hold needs to know of a program. A program of its own, since the libraries that read
// machine code and debug information take longer to load than many tests run.
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "supervisor/arms/hold/access_index.hpp"
#include "supervisor/arms/hold/function_names.hpp"

namespace {

constexpr unsigned longest_s = 20;

std::string text_of_file(const char* path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

}  // namespace

int main(int count, char** words) {
  if (count < 2 || count > 3 || words[1][0] == '-') {
    std::fputs("usage: ndrepro-hold-index PROGRAM [FILE-OF-FUNCTION-NAMES] > INDEX\n", stderr);
    return 2;
  }
  ::alarm(longest_s);  // a run waits for this
  const auto near = count == 3 ? ndr::hold::near_names(text_of_file(words[2])) : std::vector<std::string>{};
  const std::string bytes = ndr::hold::index_bytes(ndr::hold::program_accesses(words[1], near));
  const bool is_written =
      std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() && std::fflush(stdout) == 0;
  return is_written ? 0 : 1;
}
