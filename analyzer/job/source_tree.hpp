#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/job/yaml_tree.hpp"

namespace ndr {

/// A checkout as the analyzer sees it: the paths of its files relative to its root, sorted, and their texts on demand.
/// The caller reads the disk; `text` gives nothing for what is no regular file, leaves the checkout or is too large.
struct SourceTree {
  std::vector<std::string> paths;
  std::function<std::optional<std::string>(const std::string& path)> text;

  bool has(const std::string& path) const;
  /// The path itself, or what is left of it without leading folders, where CI had the checkout in a folder of its own:
  /// "docker-job/.github/actions/x/action.yml". Empty where there is none.
  std::string find(std::string_view path) const;
};

/// What a reader of several files says of where it read: Origin::file is an index into `files`.
class FactFiles {
public:
  std::uint32_t index_of(const std::string& path);
  Origin at(const std::string& path, std::uint64_t line) { return {index_of(path), line, 0}; }
  const std::vector<std::string>& paths() const { return paths_; }
  /// An action's parsed file, read once; null where there is none or it cannot be read (a problem, told once).
  std::shared_ptr<const YamlNode> action(const SourceTree& tree, const std::string& path);
  std::vector<Refusal> problems;  // files or parts that could not be read; field: path:line

private:
  std::vector<std::string> paths_;
  std::map<std::string, std::shared_ptr<const YamlNode>> actions_;
};

}  // namespace ndr
