#include "analyzer/evidence/text.hpp"

#include <random>
#include <tuple>

#include "tests/support/catch.hpp"

using namespace std::string_literals;

namespace {

using Lines = std::vector<std::tuple<std::string, std::uint64_t, std::uint64_t>>;

Lines lines_of(std::string_view text, std::size_t chunk) {
  Lines lines;
  ndr::LineSplitter splitter;
  const auto sink = [&](std::string_view bytes, std::uint64_t number, std::uint64_t offset) {
    lines.emplace_back(bytes, number, offset);
  };
  for (std::size_t at = 0; at < text.size(); at += chunk)
    splitter.feed(text.substr(at, chunk), sink);
  splitter.finish(sink);
  return lines;
}

}  // namespace

TEST_CASE("lines end at LF or CR LF and keep number and offset") {
  CHECK(lines_of("a\nbc\r\n\nd", 100) == Lines{{"a", 1, 0}, {"bc", 2, 2}, {"", 3, 6}, {"d", 4, 7}});
  CHECK(lines_of("", 100).empty());
  CHECK(lines_of("\n", 100) == Lines{{"", 1, 0}});
}

TEST_CASE("a lone CR ends a piece of the same line") {
  CHECK(lines_of("10%\r50%\r100%\nnext\n", 100) ==
        Lines{{"10%", 1, 0}, {"50%", 1, 0}, {"100%", 1, 0}, {"next", 2, 13}});
  CHECK(lines_of("a\r\r\nb\r", 100) == Lines{{"a", 1, 0}, {"b", 2, 4}});
}

TEST_CASE("any cut of any text gives the same lines") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (auto i = random() % 60; i > 0; --i)
      text += "ab\r\n"[random() % 4];
    const Lines whole = lines_of(text, 1000);
    for (const std::size_t chunk : {1u, 2u, 3u, 7u})
      CHECK(lines_of(text, chunk) == whole);
  }
}

TEST_CASE("a line longer than the limit is cut to it, whole or in chunks") {
  const std::string text = std::string(3 * ndr::LineSplitter::longest, 'x') + "\ny\n";
  for (const std::size_t chunk : {text.size(), std::size_t{1000}}) {
    const Lines lines = lines_of(text, chunk);
    REQUIRE(lines.size() == 2);
    CHECK(std::get<0>(lines[0]).size() == ndr::LineSplitter::longest);
    CHECK(lines[1] == std::tuple{"y"s, std::uint64_t{2}, 3 * ndr::LineSplitter::longest + 1});
  }
}

TEST_CASE("terminal escapes are taken out") {
  std::string buffer;
  CHECK(ndr::strip_ansi("plain", buffer) == "plain");
  CHECK(ndr::strip_ansi("\x1b[31mred\x1b[0m \x1b[1;36mbold\x1b[K", buffer) == "red bold");
  CHECK(ndr::strip_ansi("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\ end\x1b", buffer) == "link end");
  CHECK(ndr::strip_ansi("\x1b]0;title without end", buffer).empty());
  CHECK(ndr::strip_ansi("\x1b(Bx\x1b[", buffer) == "Bx");
}

TEST_CASE("stamps of raw logs and of the command line client are split off") {
  const auto raw = ndr::split_stamp("2025-02-20T20:37:44.6266323Z text");
  CHECK(raw.stamp == "2025-02-20T20:37:44.6266323Z");
  CHECK(raw.text == "text");
  CHECK(ndr::split_stamp("2025-02-20T20:37:44.6266323Z").text.empty());
  CHECK(ndr::split_stamp("job / a\tRun tests\t2025-02-20T20:37:44.6266323Z text").text == "text");
  for (const std::string_view none :
       {"text", "2025-02-20 20:37:44.6", "2025-02-20T20:37:44.Z x\ty", "a\tb\tc", "2025-02-20T20:37:44.66Zx"}) {
    CHECK(ndr::split_stamp(none).stamp.empty());
    CHECK(ndr::split_stamp(none).text == none);
  }
}

TEST_CASE("the time between two stamps crosses months and years") {
  const std::string_view a = "2024-02-28T23:59:59.5000000Z";
  CHECK(ndr::seconds_between(a, "2024-03-01T00:00:00.0000000Z") == Approx(86400.5));
  CHECK(ndr::seconds_between(a, "2025-02-28T23:59:59.5000000Z") == Approx(366 * 86400.0));
  CHECK(ndr::seconds_between("", a) == 0);
}

TEST_CASE("marks of several processes are split off and named") {
  const auto mpi = ndr::split_process_prefix("[1,12]<stderr>:what");
  CHECK(mpi.text == "what");
  CHECK(ndr::process_name(mpi.prefix) == "rank 12");
  const auto prrte = ndr::split_process_prefix("[prterun-host-77@1,3]<stdout>: text");
  CHECK(prrte.text == "text");
  CHECK(ndr::process_name(prrte.prefix) == "rank 3");
  const auto torch = ndr::split_process_prefix("[rank2]: Traceback");
  CHECK(torch.text == "Traceback");
  CHECK(ndr::process_name(torch.prefix) == "rank 2");
  const auto vllm = ndr::split_process_prefix("(Engine_0 pid=268) ERROR 04-02 06:11:41 [core.py:931]   File");
  CHECK(vllm.text == "  File");
  CHECK(ndr::process_name(vllm.prefix) == "Engine_0 pid=268");
  for (const std::string_view none : {"[gw1] PASSED", "[ RUN      ] A.b", "(see below)", "", "[1,2] plain", "(pid=)"}) {
    CHECK(ndr::split_process_prefix(none).prefix.empty());
    CHECK(ndr::split_process_prefix(none).text == none);
  }
}

TEST_CASE("paths become relative to the source root") {
  CHECK(ndr::source_path("./tests/a.py") == "tests/a.py");
  CHECK(ndr::source_path("/__w/repo/repo/src/a.cpp") == "src/a.cpp");
  CHECK(ndr::source_path("/home/runner/work/repo/repo/src/a.cpp") == "src/a.cpp");
  CHECK(ndr::source_path("/home/dev/tt-metal/tt_metal/a.cpp") == "tt_metal/a.cpp");
  CHECK(ndr::source_path("/srv/app/src/a.cpp", "/srv/app") == "src/a.cpp");
  CHECK(ndr::source_path("/srv/application/a.cpp", "/srv/app") == "/srv/application/a.cpp");
  CHECK(ndr::source_path("/__w/short") == "/__w/short");
}

TEST_CASE("libraries and frameworks are foreign") {
  for (const char* path : {"/usr/lib/python3.10/threading.py", "/opt/venv/lib/python3.10/site-packages/torch/a.py",
                           "<string>", "/opt/env/bin/tool", ""}) {
    CHECK(ndr::is_foreign_path(path));
  }
  for (const char* path : {"tests/a.py", "/srv/app/models/a.py", "/srv/bin/run.py"})
    CHECK_FALSE(ndr::is_foreign_path(path));
}

TEST_CASE("one file in two checkouts is recognised by its last folders") {
  CHECK(ndr::same_source_file("tests/a.py", "/home/me/repo/tests/a.py"));
  CHECK(ndr::same_source_file("/__w/x/x/src/q/a.cpp", "/home/me/x/src/q/a.cpp"));
  CHECK(ndr::same_source_file("conftest.py", "tests/conftest.py"));
  CHECK_FALSE(ndr::same_source_file("tests/a.py", "models/a.py"));
  CHECK_FALSE(ndr::same_source_file("", "a.py"));
}

TEST_CASE("numbers are read whole or from the front") {
  CHECK(ndr::to_number("12") == 12);
  CHECK_FALSE(ndr::to_number("12x"));
  CHECK_FALSE(ndr::to_number("99999999999999999999999"));
  CHECK(ndr::leading_number("12x") == 12);
  CHECK(ndr::leading_decimal("5.0s") == 5.0);
  CHECK(ndr::leading_decimal("118. Note") == 118);
  CHECK_FALSE(ndr::leading_decimal("x"));
  CHECK(ndr::fold_spaces("  a \t b\n") == "a b");
  CHECK(ndr::split("a,,b", ',').size() == 3);
}
