#include "daemon/config.hpp"

#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <limits>
#include <set>
#include <vector>

#include "supervisor/arms/arm.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

// Reads one YAML map key by key; remembers the first thing that is wrong, and which keys nobody asked for.
class Section {
public:
  Section(const YAML::Node& node, std::string path, const std::string& origin, std::optional<Refusal>& problem)
      : node_(node), path_(std::move(path)), origin_(origin), problem_(problem) {
    if (node_.IsDefined() && !node_.IsNull() && !node_.IsMap()) refuse(node_, "", "must be a map of keys to values");
  }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  ~Section() {
    if (!node_.IsMap()) return;
    for (const auto& entry : node_) {
      const auto key = entry.first.as<std::string>("");
      if (!known_.contains(key)) refuse(entry.first, key, "is not a known key");
    }
  }

  YAML::Node take(const std::string& key) {
    known_.insert(key);
    return node_.IsMap() ? node_[key] : YAML::Node(YAML::NodeType::Undefined);
  }

  void text(const std::string& key, std::string& value) {
    if (const YAML::Node node = take(key); given(node)) {
      if (node.IsScalar())
        value = node.Scalar();
      else
        refuse(node, key, "must be one text");
    }
  }

  void path(const std::string& key, fs::path& value) {
    std::string text_value = value.string();
    const YAML::Node node = take(key);
    text(key, text_value);
    if (given(node) && (text_value.empty() || text_value.front() != '/')) refuse(node, key, "must be an absolute path");
    value = text_value;
  }

  void flag(const std::string& key, bool& value) {
    if (const YAML::Node node = take(key); given(node) && !YAML::convert<bool>::decode(node, value)) {
      refuse(node, key, "must be true or false");
    }
  }

  template <class Number>
  void number(const std::string& key, Number& value, double least, double most, double scale = 1) {
    const YAML::Node node = take(key);
    if (!given(node)) return;
    double given_value = 0;
    if (!node.IsScalar() || !YAML::convert<double>::decode(node, given_value)) {
      refuse(node, key, "must be a number");
    } else if (!(given_value >= least && given_value <= most)) {
      refuse(node, key, "must be between " + short_text(least) + " and " + short_text(most));
    } else {
      value = static_cast<Number>(given_value * scale);
    }
  }

  void seconds(const std::string& key, std::int64_t& milliseconds, double least = 0, double most = 7 * 86400) {
    number(key, milliseconds, least, most, 1000);
  }

  void texts(const std::string& key, std::vector<std::string>& values) {
    const YAML::Node node = take(key);
    if (!given(node)) return;
    if (!node.IsSequence()) return refuse(node, key, "must be a list of texts, like [a, b]");
    values.clear();
    for (const YAML::Node& item : node) {
      if (!item.IsScalar()) return refuse(item, key, "must be a list of texts, like [a, b]");
      values.push_back(item.Scalar());
    }
  }

  void paths(const std::string& key, std::vector<fs::path>& values) {
    std::vector<std::string> given_texts(values.begin(), values.end());
    texts(key, given_texts);
    values.clear();
    for (const std::string& item : given_texts) {
      if (item.empty() || item.front() != '/') return refuse(take(key), key, "must hold absolute paths only");
      values.emplace_back(item);
    }
  }

  std::string path_of(const std::string& key) const {
    return path_.empty() ? key : key.empty() ? path_ : path_ + "." + key;
  }

  void refuse(const YAML::Node& node, const std::string& key, const std::string& reason) {
    if (problem_) return;
    problem_ = Refusal{origin_ + ":" + std::to_string(node.Mark().line + 1) + ": " + path_of(key), reason,
                       "see the commented example configuration ndreprod.yaml"};
  }

  static bool given(const YAML::Node& node) { return node.IsDefined() && !node.IsNull(); }

private:
  static std::string short_text(double number) {
    std::string text = std::to_string(number);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
  }

  YAML::Node node_;
  std::string path_;
  const std::string& origin_;
  std::optional<Refusal>& problem_;
  std::set<std::string> known_;
};

struct Reading {
  const std::string& origin;
  std::optional<Refusal>& problem;
};

void read_listen(Section& parent, const Reading& reading, ListenSettings& listen) {
  Section section{parent.take("listen"), "listen", reading.origin, reading.problem};
  section.path("socket", listen.socket);
  if (const YAML::Node mode = section.take("socket_mode"); Section::given(mode)) {
    char* end = nullptr;
    const std::string text = mode.IsScalar() ? mode.Scalar() : "";
    const unsigned long value = std::strtoul(text.c_str(), &end, 8);
    if (text.empty() || *end != '\0' || value > 0777)
      section.refuse(mode, "socket_mode", "must be octal, like \"0660\"");
    else
      listen.socket_mode = static_cast<unsigned>(value);
  }
  if (const YAML::Node tcp = section.take("tcp"); Section::given(tcp)) {
    const std::string text = tcp.IsScalar() ? tcp.Scalar() : "";
    const std::string loopback = "127.0.0.1:";
    char* end = nullptr;
    const bool has_port = text.rfind(loopback, 0) == 0 && text.size() > loopback.size();
    const unsigned long port = has_port ? std::strtoul(text.c_str() + loopback.size(), &end, 10) : 0;
    if (text == "off" || text == "false")
      listen.tcp_port.reset();
    else if (has_port && *end == '\0' && port <= 65535)
      listen.tcp_port = static_cast<std::uint16_t>(port);
    else
      section.refuse(tcp, "tcp", "must be 127.0.0.1:PORT or off; the API is never offered beyond this host");
  }
}

void read_boards(Section& parent, const Reading& reading, BoardSettings& boards) {
  Section section{parent.take("boards"), "boards", reading.origin, reading.problem};
  section.path("nodes", boards.nodes);
  section.path("proc", boards.proc);
  section.texts("reset_command", boards.reset_command);
  if (boards.reset_command.empty()) section.refuse(section.take("reset_command"), "reset_command", "must not be empty");
  std::string targets = boards.targets_are_paths ? "path" : "index";
  section.text("reset_targets", targets);
  if (targets != "path" && targets != "index") {
    section.refuse(section.take("reset_targets"), "reset_targets", "must be path (/dev/tenstorrent/0) or index (0)");
  }
  boards.targets_are_paths = targets == "path";
  section.texts("probe_command", boards.probe_command);
  section.seconds("settle_seconds", boards.settle_ms, 0, 3600);
  section.seconds("reset_warn_seconds", boards.reset_warn_ms, 1, 86400);
  section.seconds("reset_limit_seconds", boards.reset_limit_ms, 1, 86400);
  section.seconds("retry_after_seconds", boards.retry_after_ms, 0, 86400);
  section.seconds("cooldown_seconds", boards.cooldown_ms, 0, 86400);
}

void read_ladder(Section& parent, const Reading& reading, const std::string& key, StopLadder& ladder) {
  Section section{parent.take(key), parent.path_of(key), reading.origin, reading.problem};
  section.seconds("interrupt_seconds", ladder.interrupt_ms, 0, 600);
  section.seconds("terminate_seconds", ladder.terminate_ms, 0, 600);
}

void read_limits(Section& root, const Reading& reading, Settings& settings) {
  {
    Section limits{root.take("limits"), "limits", reading.origin, reading.problem};
    limits.seconds("attempt_seconds", settings.attempt_ms, 1, 300);
    limits.seconds("campaign_seconds", settings.campaign_ms, 1);
    limits.number("log_bytes", settings.log_limit_bytes, 1 << 20, 1e13);
  }
  {
    Section stalls{root.take("stalls"), "stalls", reading.origin, reading.problem};
    stalls.seconds("start_up_seconds", settings.stalls.start_up_ms, 1);
    stalls.seconds("mid_run_seconds", settings.stalls.mid_run_ms, 1);
    stalls.seconds("shut_down_seconds", settings.stalls.shut_down_ms, 1);
    stalls.seconds("triage_seconds", settings.stalls.triage_ms, 0, 600);
    stalls.seconds("let_end_seconds", settings.stalls.let_end_ms, 0, 600);
  }
  Section stop{root.take("stop"), "stop", reading.origin, reading.problem};
  read_ladder(stop, reading, "device_error", settings.stop.device_error);
  read_ladder(stop, reading, "hang", settings.stop.hang);
  read_ladder(stop, reading, "other", settings.stop.other);
}

void read_axis(Section& section, Axis& axis) {
  if (const YAML::Node environment = section.take("environment"); Section::given(environment)) {
    if (!environment.IsMap()) return section.refuse(environment, "environment", "must be a map of variables to texts");
    for (const auto& entry : environment) {
      const auto name = entry.first.as<std::string>("");
      if (!is_settable(name))
        return section.refuse(entry.first, "environment", "must not set " + name + ": no name, or it loads code");
      if (!entry.second.IsScalar())
        return section.refuse(entry.second, "environment", "must map " + name + " to a text");
      axis.environment.emplace_back(name, entry.second.Scalar());
    }
  }
  if (const YAML::Node limits = section.take("limits"); Section::given(limits)) {
    if (!limits.IsMap()) return section.refuse(limits, "limits", "must be a map of resources to numbers");
    for (const auto& entry : limits) {
      const auto name = entry.first.as<std::string>("");
      std::uint64_t most = 0;
      if (!is_resource(name))
        return section.refuse(entry.first, "limits", "knows no resource " + name + " (prlimit(1))");
      if (!entry.second.IsScalar() || !YAML::convert<std::uint64_t>::decode(entry.second, most))
        return section.refuse(entry.second, "limits", "must map " + name + " to a whole number");
      axis.limits.emplace_back(name, most);
    }
  }
}

bool is_axis_name(const std::string& name) {
  return !name.empty() && name.size() <= 40 && name.front() != '_' && !is_built_in(name) &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

void read_axes(Section& root, const Reading& reading, std::vector<Axis>& axes) {
  const YAML::Node list = root.take("axes");
  if (!Section::given(list)) return;
  if (!list.IsMap()) return root.refuse(list, "axes", "must be a map of names to what is different there");
  for (const auto& entry : list) {
    Axis axis{.name = entry.first.as<std::string>(""), .environment = {}, .limits = {}};
    if (!is_axis_name(axis.name))
      return root.refuse(entry.first, "axes",
                         "must be named by small letters, digits and _, and unlike any other arm: " + axis.name);
    {
      Section section{entry.second, "axes." + axis.name, reading.origin, reading.problem};
      read_axis(section, axis);
    }
    if (axis.environment.empty() && axis.limits.empty())
      return root.refuse(entry.first, "axes", "has nothing in " + axis.name + ": give it environment or limits");
    axes.push_back(std::move(axis));
  }
}

void read_log_level(Section& root, std::string& level) {
  static const std::set<std::string> levels{"debug", "info", "warning", "error"};
  root.text("log_level", level);
  if (!levels.contains(level))
    root.refuse(root.take("log_level"), "log_level", "must be debug, info, warning or error");
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// An XDG folder: the variable where it is an absolute path, else the fallback below HOME.
fs::path xdg_folder(const char* variable, const char* below_home) {
  const std::string value = environment(variable);
  if (!value.empty() && value.front() == '/') return value;
  const std::string home = environment("HOME");
  return fs::path{home.empty() ? "/" : home} / below_home;
}

fs::path user_runtime_folder() {
  const std::string value = environment("XDG_RUNTIME_DIR");
  if (!value.empty() && value.front() == '/') return fs::path{value} / "ndreprod";
  return xdg_folder("XDG_STATE_HOME", ".local/state") / "ndreprod" / "run";
}

// Beside this program (a build folder), else where a package puts it.
fs::path default_shim() {
  std::error_code ignored;
  const fs::path own = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  fs::path beside = own / "ndreprod-shim";
  if (fs::exists(beside, ignored)) return beside;
  return own.parent_path() / "libexec" / "ndrepro" / "ndreprod-shim";
}

}  // namespace

Config default_config(bool system) {
  Config config;
  Settings& settings = config.settings;
  settings.shim = default_shim();
  if (system) {
    settings.state_folder = "/var/lib/ndreprod";
    settings.runtime_folder = "/run/ndreprod";
    settings.case_roots = {"/var/lib/ndreprod/cases"};
  } else {
    settings.state_folder = xdg_folder("XDG_STATE_HOME", ".local/state") / "ndreprod";
    settings.runtime_folder = user_runtime_folder();
    const std::string home = environment("HOME");
    settings.case_roots = {home.empty() ? fs::path{"/"} : fs::path{home}};
  }
  config.listen.socket = settings.runtime_folder / "api.sock";
  return config;
}

std::filesystem::path default_config_file(bool system) {
  if (system) return "/etc/ndreprod/ndreprod.yaml";
  return xdg_folder("XDG_CONFIG_HOME", ".config") / "ndreprod" / "ndreprod.yaml";
}

Checked<Config> parse_config(std::string_view yaml, const std::string& origin, Config base) {
  std::optional<Refusal> problem;
  try {
    const Reading reading{origin, problem};
    const bool default_socket = base.listen.socket == base.settings.runtime_folder / "api.sock";
    Section root{YAML::Load(std::string{yaml}), "", origin, problem};
    root.path("state_folder", base.settings.state_folder);
    root.path("runtime_folder", base.settings.runtime_folder);
    if (default_socket) base.listen.socket = base.settings.runtime_folder / "api.sock";
    root.paths("case_roots", base.settings.case_roots);
    root.flag("allow_network_file_systems", base.settings.allow_network_file_systems);
    root.path("shim", base.settings.shim);
    root.paths("signal_rules", base.settings.signal_rules);
    read_log_level(root, base.log_level);
    read_listen(root, reading, base.listen);
    read_boards(root, reading, base.settings.boards);
    read_limits(root, reading, base.settings);
    read_axes(root, reading, base.settings.axes);
  } catch (const YAML::Exception& error) {
    return Refusal{origin + ":" + std::to_string(error.mark.line + 1), "is not YAML: " + error.msg, ""};
  }
  if (problem) return *problem;
  return base;
}

}  // namespace ndr
