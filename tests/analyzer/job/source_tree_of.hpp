#pragma once
#include <map>
#include <string>

#include "analyzer/job/source_tree.hpp"

/// A checkout of a few texts.
inline ndr::SourceTree source_tree_of(std::map<std::string, std::string> files) {
  ndr::SourceTree tree;
  for (const auto& [path, text] : files)
    tree.paths.push_back(path);
  tree.text = [files = std::move(files)](const std::string& path) {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional{found->second};
  };
  return tree;
}
