#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace ndr {

/// Whole file or nothing: temporary file beside it, fdatasync, rename, fsync of the folder. Throws std::system_error.
void write_file_atomically(const std::filesystem::path& file, std::string_view bytes, unsigned mode = 0644);

/// A whole regular file, opened without following a symlink; throws std::system_error, also above `limit` bytes.
std::string read_file(const std::filesystem::path& file, std::uint64_t limit = 64ull << 20);

}  // namespace ndr
