#pragma once
#include <filesystem>
#include <string>

namespace ndr {

/// The commit that a checkout of git stands at (40 or 64 hexadecimal digits), read from its files without running git;
/// a linked worktree's too. `path` may lie below the checkout's root. Empty where it is none, or cannot be read.
/// Changes that are not committed do not show.
std::string git_revision(const std::filesystem::path& path);

}  // namespace ndr
