#include <sys/utsname.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "analyzer/utf8.hpp"
#include "storage/atomic_file.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/campaign/order.hpp"

namespace ndr {
namespace {

/// First line of a small file; empty where there is none, as on a host without the driver.
std::string first_line(const std::filesystem::path& file) {
  try {
    const std::string text = read_start(file, 256);
    return text.substr(0, text.find('\n'));
  } catch (const std::system_error&) {
    return {};
  }
}

/// PRETTY_NAME of os-release(5), without its quotes.
std::string distribution() {
  std::string text;
  try {
    text = "\n" + read_start("/usr/lib/os-release", 4096);
  } catch (const std::system_error&) {
    return {};
  }
  const std::string key = "\nPRETTY_NAME=";
  const std::size_t at = text.find(key);
  if (at == std::string::npos) return {};
  std::string value = text.substr(at + key.size(), text.find('\n', at + 1) - at - key.size());
  std::erase(value, '"');
  return value;
}

}  // namespace

HostRow this_host() {
  utsname names{};
  if (::uname(&names) != 0) throw std::system_error{errno, std::generic_category(), "uname"};
  HostRow row;
  row.name = to_utf8(names.nodename);
  row.fingerprint =
      json_text(nlohmann::ordered_json{{"kernel", to_utf8(names.release)},
                                       {"machine", to_utf8(names.machine)},
                                       {"distribution", to_utf8(distribution())},
                                       {"driver", to_utf8(first_line("/sys/module/tenstorrent/version"))}});
  return row;
}

}  // namespace ndr
