#pragma once
#include <string>
#include <string_view>

namespace ndr {

/// The one choke point between raw bytes and text that leaves the program (JSON, SQL, terminal, page): every byte
/// that is not part of a well-formed UTF-8 sequence (Unicode 15, table 3-7) becomes U+FFFD; so does NUL.
/// Offsets elsewhere always refer to the raw bytes.
std::string to_utf8(std::string_view bytes);

bool is_utf8(std::string_view bytes);

}  // namespace ndr
