#include "analyzer/job/case_settings.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <set>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::size_t largest_file = 64u << 10;
constexpr std::size_t most_boards = 64;
constexpr std::size_t most_variables = 256;
constexpr std::size_t longest_value = 4096;

bool is_board_name(const std::string& name) {
  return !name.empty() && name.size() <= 9 && name.find_first_not_of("0123456789") == std::string::npos;
}

class SettingsReader {
public:
  explicit SettingsReader(const std::string& origin) : origin_(origin) {}

  void read(const YAML::Node& root) {
    if (root.IsNull()) return;
    if (!root.IsMap()) return refuse(root, "", "must be a map of keys to values");
    std::set<std::string> seen;
    for (const auto& entry : root) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : std::string{};
      if (!seen.insert(key).second) refuse(entry.first, key, "is given twice");
      read(key, entry.first, entry.second);
    }
  }

  Checked<CaseSettings> result() const {
    if (problem_) return *problem_;
    return settings_;
  }

private:
  void read(const std::string& key, const YAML::Node& name, const YAML::Node& value) {
    if (key == "repository") return read_text(key, value, settings_.repository);
    if (key == "workflow") return read_text(key, value, settings_.workflow);
    if (key == "job") return read_text(key, value, settings_.job);
    if (key == "boards") return read_boards(value);
    if (key == "environment") return read_environment(value);
    if (key == "approved") return read_approved(value);
    refuse(name, key, "is not a known key");
  }

  void read_text(const std::string& key, const YAML::Node& value, std::string& text) {
    if (!value.IsScalar() || value.Scalar().size() > longest_value) return refuse(value, key, "must be one text");
    text = value.Scalar();
  }

  void read_boards(const YAML::Node& list) {
    if (!list.IsSequence() || list.size() > most_boards)
      return refuse(list, "boards", "must be a list of at most 64 board numbers, like [0, 1]");
    for (const YAML::Node& item : list) {
      const std::string board = item.IsScalar() ? item.Scalar() : std::string{};
      if (!is_board_name(board)) return refuse(item, "boards", "must be numbers, as in /dev/tenstorrent/0");
      const bool doubled = std::count(settings_.boards.begin(), settings_.boards.end(), board) > 0;
      if (doubled) return refuse(item, "boards", "names board " + board + " twice");
      settings_.boards.push_back(board);
    }
  }

  void read_environment(const YAML::Node& map) {
    if (!map.IsMap() || map.size() > most_variables)
      return refuse(map, "environment", "must be a map of at most 256 variables");
    for (const auto& entry : map) {
      const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : std::string{};
      if (!is_variable_name(name)) return refuse(entry.first, "environment", "has a name that no shell could set");
      const bool is_value = entry.second.IsScalar() && entry.second.Scalar().size() <= longest_value &&
                            entry.second.Scalar().find('\0') == std::string::npos;
      if (!is_value) return refuse(entry.second, "environment." + name, "must be one text without NUL");
      settings_.environment.emplace_back(name, entry.second.Scalar());
    }
  }

  void read_approved(const YAML::Node& list) {
    if (!list.IsSequence() || list.size() > most_variables)
      return refuse(list, "approved", "must be a list of at most 256 names of variables");
    for (const YAML::Node& item : list) {
      const std::string name = item.IsScalar() ? item.Scalar() : std::string{};
      if (!is_variable_name(name)) return refuse(item, "approved", "has a name that no shell could set");
      settings_.approved.push_back(name);
    }
  }

  void refuse(const YAML::Node& node, const std::string& key, const std::string& reason) {
    if (problem_) return;
    const std::string where = origin_ + ":" + std::to_string(node.Mark().line + 1);
    problem_ = Refusal{key.empty() ? where : where + ": " + key, reason,
                       "known keys: repository, workflow, job, boards, environment, approved"};
  }

  const std::string& origin_;
  CaseSettings settings_;
  std::optional<Refusal> problem_;
};

}  // namespace

Checked<CaseSettings> parse_case_settings(const std::string& yaml, const std::string& origin) {
  if (yaml.size() > largest_file) return Refusal{origin, "is larger than 64 KiB", ""};
  SettingsReader reader{origin};
  try {
    reader.read(YAML::Load(yaml));
  } catch (const YAML::Exception& error) {
    return Refusal{origin + ":" + std::to_string(error.mark.line + 1), error.msg, "make it valid YAML"};
  }
  return reader.result();
}

std::string with_repository(const std::string& yaml, const std::string& path) {
  YAML::Emitter quoted;
  quoted << YAML::DoubleQuoted << path;
  const std::string line = std::string{"repository: "} + quoted.c_str();
  constexpr std::string_view key = "repository:";
  for (std::size_t at = 0; at < yaml.size(); at = std::min(yaml.find('\n', at), yaml.size()) + 1) {
    if (!std::string_view{yaml}.substr(at).starts_with(key)) continue;
    const std::size_t end = std::min(yaml.find('\n', at), yaml.size());
    return yaml.substr(0, at) + line + yaml.substr(end);
  }
  const std::string gap = yaml.empty() || yaml.ends_with('\n') ? "" : "\n";
  return yaml + gap + line + "\n";
}

Checked<std::string> with_approval(const std::string& yaml, const std::string& variable, const std::string& origin) {
  if (!is_variable_name(variable))
    return Refusal{variable.substr(0, 100), "is a name that no shell could set", "name a variable of the logs"};
  const std::string item = "  - " + variable + "\n";
  constexpr std::string_view key = "approved:";
  std::size_t line = 1;
  for (std::size_t at = 0; at < yaml.size(); ++line) {
    const std::size_t end = std::min(yaml.find('\n', at), yaml.size());
    const std::string_view text = std::string_view{yaml}.substr(at, end - at);
    if (text.starts_with(key)) {
      const std::string_view rest = text.substr(key.size());
      const std::string_view value = rest.substr(std::min(rest.find_first_not_of(" \t\r"), rest.size()));
      if (!value.empty() && value.front() != '#')
        return Refusal{origin + ":" + std::to_string(line), "has its approved variables on one line",
                       "add " + variable + " to them by hand"};
      std::string changed = yaml.substr(0, end);
      changed.append("\n").append(item).append(yaml, std::min(end + 1, yaml.size()));
      return Checked<std::string>{boost::system::in_place_value, std::move(changed)};
    }
    at = end + 1;
  }
  const std::string gap = yaml.empty() || yaml.ends_with('\n') ? "" : "\n";
  return Checked<std::string>{boost::system::in_place_value, yaml + gap + "approved:\n" + item};
}

}  // namespace ndr
