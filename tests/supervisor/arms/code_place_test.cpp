#include "supervisor/arms/code_place.hpp"

#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "supervisor/arms/place_question.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

// Line 9 calls here() in a function that is inlined into tank::outer(), which line 12 begins.
const std::string source = R"(#include <dlfcn.h>
#include <stdio.h>
extern "C" char __executable_start;
const char* base() { Dl_info found; return FIXED ? &__executable_start : dladdr((void*)base, &found) ? (const char*)found.dli_fbase : 0; }
__attribute__((noinline)) unsigned long here() { const char* to = (const char*)__builtin_return_address(0); asm volatile(""); return (unsigned long)(to - base()) - 1; }
namespace tank {
__attribute__((always_inline)) inline unsigned long deep(unsigned long x) {
  unsigned long sum = x;
  sum += here();
  asm volatile("" : "+r"(sum));
  return sum; }
__attribute__((noinline)) unsigned long outer(unsigned long x) { const unsigned long sum = deep(x); asm volatile(""); return sum; }
}
extern "C" unsigned long tank_offset() { return tank::outer(0); }
)";

std::string output_of(const std::string& command) {
  FILE* answer = ::popen(command.c_str(), "r");
  REQUIRE(answer != nullptr);
  std::string text;
  char buffer[1000];
  while (std::fgets(buffer, sizeof buffer, answer) != nullptr)
    text += buffer;
  INFO(command);
  REQUIRE(::pclose(answer) == 0);
  return text;
}

struct Built {
  TempFolder folder;
  std::filesystem::path module;
  std::uint64_t offset = 0;
};

// `after`: a command on $M, the module, before it is run.
void build(Built& built, const std::string& options, bool is_library, const std::string& after = "true",
           const std::string& text = source) {
  const std::string folder = built.folder.path().string();
  std::ofstream{built.folder / "tank.cpp"} << text;
  std::ofstream{built.folder / "main.cpp"} << "#include <stdio.h>\nextern \"C\" unsigned long tank_offset();\nint "
                                              "main() { printf(\"%lu\\n\", tank_offset()); }\n";
  const std::string compile = "cd '" + folder + "' && g++ -O1 " + options +
                              (options.find("-static") != std::string::npos ? " -DFIXED=1" : " -DFIXED=0");
  if (is_library)
    output_of(compile + " -shared -fPIC tank.cpp -o libtank.so && g++ main.cpp ./libtank.so -o program");
  else
    output_of(compile + " tank.cpp main.cpp -o program");
  built.module = built.folder / (is_library ? "libtank.so" : "program");
  output_of("cd '" + folder + "' && M='" + built.module.string() + "' && " + after);
  built.offset = std::stoull(output_of("cd '" + folder + "' && ./program"));
}

CodePlace place_of(const Built& built) {
  const std::vector<CodePlace> places = code_places(built.module, {built.offset});
  REQUIRE(places.size() == 1);
  CHECK(places[0].offset == built.offset);
  return places[0];
}

void check_inlined(const Built& built) {
  const CodePlace place = place_of(built);
  CHECK(place.function == "tank::deep(unsigned long)");
  CHECK(place.file == (built.folder / "tank.cpp").string());
  CHECK(place.line == 9);
  CHECK(to_text(place) == "tank::deep(unsigned long) (" + place.file + ":9)");
}

}  // namespace

TEST_CASE("a place is found in programs of each form and in libraries") {
  const auto [options, is_library] = GENERATE(table<std::string, bool>(
      {{"-g -pie -fPIE", false}, {"-g -no-pie -fno-pie", false}, {"-g -static", false}, {"-g", true}}));
  INFO(options << (is_library ? " library" : ""));
  Built built;
  build(built, options, is_library);
  check_inlined(built);
}

TEST_CASE("a place is found in a separate debug file") {
  Built built;
  build(built, "-g", false,
        "mkdir .debug && objcopy --only-keep-debug $M .debug/program.debug && strip $M && "
        "objcopy --add-gnu-debuglink=.debug/program.debug $M");
  check_inlined(built);
}

TEST_CASE("without debug information there is the function, without symbols the offset") {
  Built built;
  build(built, "-g0", false);
  const CodePlace symbol = place_of(built);
  CHECK(symbol.function == "tank::outer(unsigned long)");
  CHECK(symbol.function_offset > 0);
  CHECK(symbol.file.empty());
  CHECK_THAT(to_text(symbol), ContainsSubstring("tank::outer(unsigned long)+0x"));
  Built bare;
  build(bare, "-g0", false, "strip $M");
  const CodePlace nothing = place_of(bare);
  CHECK(nothing.function.empty());
  CHECK(to_text({.module = "/bin/x", .offset = 0x1f0}) == "/bin/x+0x1f0");
}

TEST_CASE("what a system header's inlined code does is done by who calls it") {
  std::string text = source;
  text.insert(text.find("__attribute__((always_inline))"), "\n# 7 \"/usr/include/tank.h\"\n");
  text.insert(text.find("__attribute__((noinline)) unsigned long outer"), "\n# 12 \"tank.cpp\"\n");
  Built built;
  build(built, "-g", false, "true", text);
  const CodePlace place = place_of(built);
  CHECK(place.function == "tank::outer(unsigned long)");
  CHECK(place.file == (built.folder / "tank.cpp").string());
  CHECK(place.line == 12);
}

TEST_CASE("places are asked of a child, which answers in the order of the question") {
  Built built;
  build(built, "-g", false);
  const std::string module = built.module.string();
  const std::string question = R"({"seconds":5,"places":[["/missing",4],[")" + module + "\"," +
                               std::to_string(built.offset) + R"(],["/missing",5]]})";
  const std::string answer = answer_places(question);
  CHECK_THAT(answer, ContainsSubstring("tank::deep(unsigned long)") && ContainsSubstring("\"line\":9"));
  CHECK(answer.find("tank::deep") > answer.find("\"function\":\"\""));
  CHECK(answer_places("{}").empty());
  CHECK(answer_places(R"({"places":[["x",-1]]})").empty());
  const std::vector<CodePlace> wanted{{.module = module, .offset = built.offset}};
  CHECK(ask_places("/bin/false", wanted, std::chrono::seconds{5}) == wanted);
  CHECK(ask_places("/bin/true", wanted, std::chrono::seconds{5}) == wanted);
  CHECK(ask_places("/missing", wanted, std::chrono::seconds{5}) == wanted);
}

TEST_CASE("many offsets come back in their order, those outside too") {
  Built built;
  build(built, "-g", false);
  const std::vector<CodePlace> places = code_places(built.module, {~std::uint64_t{0}, built.offset, 0, built.offset});
  REQUIRE(places.size() == 4);
  CHECK(places[0].file.empty());
  CHECK(places[1] == places[3]);
  CHECK(places[1].line == 9);
  CHECK(code_places(built.module, {built.offset}, 0)[0].function == "tank::outer(unsigned long)");
}

TEST_CASE("what is no module gives places without a function") {
  TempFolder folder;
  std::ofstream{folder / "text"} << "no module";
  std::ofstream{folder / "start"} << "\177ELF\2\1\1" << std::string(100, '\xff');
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  for (const char* name : {"text", "start", "pipe", "missing", "."}) {
    INFO(name);
    const std::vector<CodePlace> places = code_places(folder / name, {1, 2});
    REQUIRE(places.size() == 2);
    CHECK(places[0].function.empty());
    CHECK(places[0].file.empty());
  }
}
