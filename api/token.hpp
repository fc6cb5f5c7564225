#pragma once
#include <filesystem>
#include <string>

namespace ndr {

/// Makes the bearer token of this start: 256 bits from the kernel as 64 hex digits, and writes it to `folder`, each
/// file whole or not at all and with mode 0640: `token`, and `curl-header` for `curl -H @FILE`.
/// Throws std::system_error.
std::string create_token_files(const std::filesystem::path& folder);

}  // namespace ndr
