#include "analyzer/utf8.hpp"

#include "tests/support/catch.hpp"

using ndr::is_utf8;
using ndr::markdown_text;
using ndr::printable;
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

TEST_CASE("nothing printable drives a terminal or turns the text around") {
  CHECK(printable("a\x1b[31mb\x7f\r\nc") == "a [31mb   c");
  CHECK(printable("a\xc2\x9b"
                  "1mb") == "a 1mb");  // C1: CSI in one character
  CHECK(printable("a\xe2\x80\xae"
                  "cba\xe2\x81\xa6"
                  "d\xe2\x80\x8f") == "a cba d ");
  CHECK(printable("caf\xc3\xa9 \xe2\x82\xac \xe2\x80\xa6") == "caf\xc3\xa9 \xe2\x82\xac \xe2\x80\xa6");
  CHECK(printable("a\xff") == "a\xef\xbf\xbd");
}

TEST_CASE("text within Markdown stays text") {
  CHECK(markdown_text("test_drain(depth=4) {x} a-b!") == "test_drain(depth=4) {x} a-b!");
  CHECK(markdown_text("a|b `c` *d* [e](f) ~~g~~") == "a\\|b \\`c\\` \\*d\\* \\[e\\](f) \\~\\~g\\~\\~");
  CHECK(markdown_text("<b>&amp;</b>") == "&lt;b&gt;&amp;amp;&lt;/b&gt;");
  CHECK(markdown_text("__init__ _x_") == "\\_\\_init\\_\\_ \\_x\\_");
  CHECK(markdown_text("# no heading # here") == "\\# no heading # here");
  CHECK(markdown_text("- no list") == "\\- no list");
  CHECK(markdown_text("a\nb") == "a b");
  CHECK(markdown_text(std::string(500, 'x')).size() == 400 + std::string{" …"}.size());
}
