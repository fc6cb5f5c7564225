#include "analyzer/printed_text.hpp"

#include "tests/support/catch.hpp"

using ndr::markdown_text;
using ndr::printable;

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
  CHECK(markdown_text(std::string(500, 'x')).size() == 400 + std::string{"…"}.size());
  CHECK(markdown_text(std::string(399, 'x') + "ää") == std::string(399, 'x') + "…");
}

TEST_CASE("a block of Markdown ends where its text ends") {
  CHECK(ndr::markdown_block("a\nb", "text") == "```text\na\nb\n```\n");
  CHECK(ndr::markdown_block("````\nx\n", "") == "`````\n````\nx\n`````\n");
  CHECK(ndr::markdown_block("<!-- ours -->\n", "text") == "```text\n<! -- ours -->\n```\n");
}
