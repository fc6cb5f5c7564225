#pragma once
#include <filesystem>
#include <optional>
#include <string_view>

#include "storage/unique_fd.hpp"

namespace ndr {

/// Name of a file system that may live on another host, by statfs(2) f_type: no change events from there, and
/// a hang of that host hangs whoever reads. FUSE counts, since it may be sshfs. Nothing for local ones.
std::optional<std::string_view> network_file_system(long f_type);
/// Of the one that an open file or folder is on.
std::optional<std::string_view> network_file_system(const UniqueFd& file);
/// Of the one that a folder is on, or will be on when it is made.
std::optional<std::string_view> network_file_system(std::filesystem::path folder);

}  // namespace ndr
