#pragma once
#include <string>
#include <string_view>

namespace ndr {

/// The one choke point between raw bytes and text that leaves the program (JSON, SQL, terminal, page): every byte
/// that is not part of a well-formed UTF-8 sequence (Unicode 15, table 3-7) becomes U+FFFD; so does NUL.
/// Offsets elsewhere always refer to the raw bytes.
std::string to_utf8(std::string_view bytes);

bool is_utf8(std::string_view bytes);

/// Well-formed UTF-8 on one line that cannot drive a terminal: C0, DEL, C1 (U+0080 to U+009F) and the controls of text
/// direction (U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069) become blanks.
std::string printable(std::string_view bytes);

/// The same as part of a line of Markdown: nothing of it is read as Markdown or HTML. Cut after 400 bytes, with a mark.
std::string markdown_text(std::string_view bytes);

}  // namespace ndr
