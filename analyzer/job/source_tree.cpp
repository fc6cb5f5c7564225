#include "analyzer/job/source_tree.hpp"

#include <algorithm>

namespace ndr {

bool SourceTree::has(const std::string& path) const { return std::binary_search(paths.begin(), paths.end(), path); }

std::string SourceTree::find(std::string_view path) const {
  while (path.starts_with("./"))
    path.remove_prefix(2);
  for (;;) {
    if (has(std::string{path})) return std::string{path};
    const auto slash = path.find('/');
    if (slash == std::string_view::npos) return {};
    path.remove_prefix(slash + 1);
  }
}

std::uint32_t FactFiles::index_of(const std::string& path) {
  const auto found = std::find(paths_.begin(), paths_.end(), path);
  const auto index = static_cast<std::uint32_t>(found - paths_.begin());
  if (found == paths_.end()) paths_.push_back(path);
  return index;
}

std::shared_ptr<const YamlNode> FactFiles::action(const SourceTree& tree, const std::string& path) {
  constexpr std::size_t most_kept = 64;
  const auto known = actions_.find(path);
  if (known != actions_.end()) return known->second;
  const auto text = tree.text(path);
  auto action = text ? parse_yaml(*text, path)
                     : Checked<YamlNode>{Refusal{path, "cannot be read", "is it a regular file of at most a MiB?"}};
  std::shared_ptr<const YamlNode> parsed;
  if (action.has_value())
    parsed = std::make_shared<const YamlNode>(std::move(*action));
  else if (std::find(problems.begin(), problems.end(), action.error()) == problems.end())
    problems.push_back(action.error());
  if (actions_.size() < most_kept) actions_.emplace(path, parsed);
  return parsed;
}

}  // namespace ndr
