#pragma once
#include <filesystem>

#include "analyzer/job/source_tree.hpp"
#include "analyzer/refusal.hpp"

namespace ndr {

/// A checkout on the disk, ready for the analyzer: the files that say how CI runs tests and what they are (workflows,
/// actions, test configurations, scripts, tests, pytest's settings). Links are not followed, so nothing outside is ever
/// read; hidden folders but .github, and folders of builds and environments, are left out. At most 200000 files; a file
/// above 1 MiB gives no text. Refuses what is no folder.
Checked<SourceTree> open_checkout(const std::filesystem::path& root);

}  // namespace ndr
