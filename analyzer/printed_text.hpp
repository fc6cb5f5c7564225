#pragma once
#include <string>
#include <string_view>

namespace ndr {

// Foreign text for people: on a terminal, and in a page.

/// Well-formed UTF-8 on one line that cannot drive a terminal: C0, DEL, C1 (U+0080 to U+009F) and the controls of text
/// direction (U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069) become blanks.
std::string printable(std::string_view bytes);

/// The same as part of a line of Markdown: nothing of it is read as Markdown or HTML. Cut after 400 bytes, with a mark.
std::string markdown_text(std::string_view bytes);

/// A block of Markdown that shows the text as it is, in that language: nothing in it ends the block, or is taken for
/// the front of an HTML comment, by which parts of our own pages are found.
std::string markdown_block(std::string_view text, std::string_view language);

}  // namespace ndr
