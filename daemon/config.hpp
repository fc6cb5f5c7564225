#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "analyzer/refusal.hpp"
#include "supervisor/settings.hpp"

namespace ndr {

/// Where the API listens. Sockets inherited from systemd take the place of both.
struct ListenSettings {
  std::filesystem::path socket;  // empty: no unix socket
  unsigned socket_mode = 0660;
  std::optional<std::uint16_t> tcp_port = 8742;  // on 127.0.0.1; none: off
};

/// All that the daemon is told: defaults of the instance, overridden by its file, overridden by options.
struct Config {
  Settings settings;
  ListenSettings listen;
  std::string log_level = "info";
};

/// The defaults of the system instance (/etc, /var/lib, /run) or of the user's own (XDG folders).
Config default_config(bool system);
/// Where the instance's file is looked for; it need not exist.
std::filesystem::path default_config_file(bool system);

/// Applies YAML text to `base`. Refuses an unknown key, a value of the wrong kind or out of range; the refusal's field
/// is "origin:LINE: key.path".
Checked<Config> parse_config(std::string_view yaml, const std::string& origin, Config base);

}  // namespace ndr
