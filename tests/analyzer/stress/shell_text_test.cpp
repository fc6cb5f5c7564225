#include "analyzer/stress/shell_text.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "analyzer/stress/environment.hpp"
#include "tests/support/catch.hpp"

namespace {

namespace fs = std::filesystem;

class ScriptFolder {
public:
  ScriptFolder() {
    std::string name = (fs::temp_directory_path() / "shell-text-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~ScriptFolder() { fs::remove_all(path_); }
  ScriptFolder(const ScriptFolder&) = delete;
  ScriptFolder& operator=(const ScriptFolder&) = delete;

  // What bash prints of a script that runs with this folder as its own.
  std::string run(const std::string& script) const {
    std::ofstream{path_ / "script", std::ios::binary} << script;
    const std::string command = "cd '" + path_.string() + "' && /bin/bash --norc script > out 2> err < /dev/null";
    REQUIRE(std::system(command.c_str()) == 0);
    std::ifstream out{path_ / "out", std::ios::binary};
    return {std::istreambuf_iterator<char>{out}, {}};
  }
  bool has(const std::string& name) const { return fs::exists(path_ / name); }

private:
  fs::path path_;
};

std::string random_bytes(std::mt19937_64& random) {
  constexpr std::string_view usual = "'\"\\$`!*?[]{}()<>|&;#~ \t\n\r=:%/-abAB09\xc3\xa9\xff\x1b";
  std::string bytes(random() % 24, '\0');
  for (char& byte : bytes)
    byte = random() % 3 == 0 ? static_cast<char>(1 + random() % 255) : usual[random() % usual.size()];
  return bytes;
}

// Texts that would create a file called `owned` if any part of them were run.
const std::array<std::string, 22> injections{
    "$(touch owned)",
    "`touch owned`",
    "'; touch owned; '",
    "\"; touch owned; \"",
    "'\"'\"'; touch owned #",
    "\n touch owned \n",
    "\r\ntouch owned",
    "&& touch owned",
    "| touch owned",
    "|| touch owned",
    "; touch owned",
    "& touch owned &",
    "> owned",
    ">owned",
    "<(touch owned)",
    "${x:-$(touch owned)}",
    "$((a[$(touch owned)]))",
    "\\'; touch owned; \\'",
    "!touch owned",
    "$'\\x27; touch owned'",
    "#\ntouch owned",
    "\xe2\x80\xae'; touch owned; '",
};

}  // namespace

TEST_CASE("every byte but NUL comes back through a quoted word, 100000 times") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const ScriptFolder folder;
  constexpr int batches = 20;
  constexpr int texts = 5000;
  for (int batch = 0; batch < batches; ++batch) {
    std::string script;
    std::string wanted;
    for (int i = 0; i < texts; ++i) {
      const std::string text = random_bytes(random);
      // As an argument, as a variable's value, and as the value with the checkout's path in it.
      script += i % 3 == 0 ? "printf '%s\\0' " + ndr::shell_quoted(text) + "\n"
                           : "X=" + (i % 3 == 1 ? ndr::shell_quoted(text) : ndr::shell_value(text, "/ci/checkout")) +
                                 "\nprintf '%s\\0' \"$X\"\n";
      (wanted += text) += '\0';
    }
    REQUIRE(folder.run(script) == wanted);
  }
}

TEST_CASE("no text runs anything") {
  const ScriptFolder folder;
  for (const std::string& text : injections) {
    CAPTURE(text);
    const std::string script = "# " + ndr::shell_comment(text) + "\nexport X=" + ndr::shell_value(text, "") + "  # " +
                               ndr::shell_comment(text) + "\nprintf '%s' " + ndr::shell_quoted(text) + "\n";
    CHECK(folder.run(script) == text);
    CHECK_FALSE(folder.has("owned"));
  }
}

TEST_CASE("a comment is one short line without controls") {
  CHECK(ndr::shell_comment("a\nb\x1b[31m") == "a b [31m");
  CHECK(ndr::shell_comment(std::string(1000, 'x')).size() < 310);
}

TEST_CASE("paths of CI's checkout lie below REPOSITORY") {
  CHECK(ndr::shell_value("/ci", "/ci") == "\"$REPOSITORY\"");
  CHECK(ndr::shell_value("/ci/build/lib", "/ci") == "\"$REPOSITORY\"'/build/lib'");
  CHECK(ndr::shell_value("/ci/a:/usr/b:/ci", "/ci") == "\"$REPOSITORY\"'/a:/usr/b:'\"$REPOSITORY\"");
  CHECK(ndr::shell_value("/cinema", "/ci") == "'/cinema'");
  CHECK(ndr::shell_value("", "/ci") == "''");
  CHECK(ndr::shell_value("a:", "/ci") == "'a:'");
}

TEST_CASE("words of a command are what a shell would make of them") {
  const auto words = ndr::shell_words("./build/t --f='a b' \"c\\\"d\" e\\ f  g");
  REQUIRE(words.has_value());
  CHECK(*words == std::vector<std::string>{"./build/t", "--f=a b", "c\"d", "e f", "g"});
}

TEST_CASE("what a shell would act on is refused") {
  for (const std::string command : {"a $B", "a `b`", "a; b", "a && b", "a | b", "a > b", "a *", "~/a", "a 'b",
                                    "a \"$b\"", "a {1..3}", "a \\", "a (b)", "a #b"}) {
    CAPTURE(command);
    CHECK(ndr::shell_words(command).has_error());
  }
  CHECK(ndr::shell_words(std::string_view{"a\0b", 3}).has_error());
}
