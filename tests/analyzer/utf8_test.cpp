#include "analyzer/utf8.hpp"

#include "tests/support/catch.hpp"

using ndr::is_utf8;
using ndr::to_utf8;

TEST_CASE("well-formed text comes back unchanged") {
  for (const std::string text : {"", "plain", "caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x9b"}) {
    CHECK(is_utf8(text));
    CHECK(to_utf8(text) == text);
  }
}

TEST_CASE("each ill-formed byte becomes one replacement character") {
  const std::string replacement = "\xef\xbf\xbd";
  CHECK(to_utf8("a\xff"
                "b") == "a" + replacement + "b");
  CHECK(to_utf8("\xc0\xaf") == replacement + replacement);                    // overlong
  CHECK(to_utf8("\xed\xa0\x80") == replacement + replacement + replacement);  // surrogate
  CHECK(to_utf8("\xe2\x82") == replacement + replacement);                    // cut
  CHECK(to_utf8("\xf4\x90\x80\x80").size() == 4 * replacement.size());        // above U+10FFFF
}

TEST_CASE("NUL is replaced, since no text may carry it") {
  CHECK(to_utf8(std::string_view{"a\0b", 3}) ==
        "a\xef\xbf\xbd"
        "b");
  CHECK_FALSE(is_utf8(std::string_view{"\0", 1}));
}
