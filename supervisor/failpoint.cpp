#include "supervisor/failpoint.hpp"

#include <csignal>
#include <cstdlib>
#include <string>

namespace ndr {
namespace {

struct Armed {
  std::string name;
  long left = 0;
};

Armed read_environment() {
  const char* value = std::getenv("NDREPRO_FAILPOINT");
  if (value == nullptr) return {};
  const std::string text = value;
  const auto at = text.find('@');
  if (at == std::string::npos) return {text, 1};
  return {text.substr(0, at), std::strtol(text.c_str() + at + 1, nullptr, 10)};
}

}  // namespace

void failpoint(std::string_view name) {
  static Armed armed = read_environment();
  if (armed.left > 0 && name == armed.name && --armed.left == 0) std::raise(SIGKILL);
}

}  // namespace ndr
