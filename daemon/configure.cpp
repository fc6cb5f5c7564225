#include "daemon/configure.hpp"

#include <system_error>

#include "storage/atomic_file.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_file = 1 << 20;

Checked<Config> read_config_file(const ServeOptions& options, Config base) {
  const fs::path file = options.config.value_or(default_config_file(options.system));
  std::error_code error;
  if (!options.config && !fs::exists(file, error)) return base;
  try {
    return parse_config(read_file(file, largest_file), file.string(), std::move(base));
  } catch (const std::system_error& unreadable) {
    return Refusal{file.string(), unreadable.what(), "give a readable file with --config"};
  }
}

// The socket lies in the runtime folder unless the file says otherwise.
void move_runtime_folder(Config& config, const fs::path& folder) {
  const bool default_socket = config.listen.socket == config.settings.runtime_folder / "api.sock";
  config.settings.runtime_folder = folder;
  if (default_socket) config.listen.socket = folder / "api.sock";
}

}  // namespace

Checked<Config> configure(const ServeOptions& options) {
  auto config = read_config_file(options, default_config(options.system));
  if (config.has_error()) return config;
  if (options.state_folder) config->settings.state_folder = fs::absolute(*options.state_folder);
  if (options.runtime_folder) move_runtime_folder(*config, fs::absolute(*options.runtime_folder));
  if (!options.case_roots.empty()) {
    config->settings.case_roots.clear();
    for (const fs::path& root : options.case_roots)
      config->settings.case_roots.push_back(fs::absolute(root));
  }
  if (options.tcp) return parse_config("listen: {tcp: \"" + *options.tcp + "\"}", "--tcp", std::move(*config));
  return config;
}

}  // namespace ndr
