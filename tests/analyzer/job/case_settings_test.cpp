#include "analyzer/job/case_settings.hpp"

#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

Refusal refusal_of(const std::string& yaml) {
  const auto settings = parse_case_settings(yaml, "case.yaml");
  return settings.has_error() ? settings.error() : Refusal{};
}

}  // namespace

TEST_CASE("a checkout's path comes back from case.yaml as it went in") {
  for (const std::string path : {"/a", "/a b/c: d", "/a\"b'\\c", "/a#b", "/caf\xc3\xa9", "relative"}) {
    CAPTURE(path);
    const std::string yaml = ndr::with_repository("job: x # mine", path);
    CHECK(yaml.starts_with("job: x # mine\n"));
    CHECK(ndr::parse_case_settings(yaml, "case.yaml").value().repository == path);
  }
}

TEST_CASE("a variable is approved without touching what else case.yaml says") {
  const auto approved = [](const std::string& yaml) { return ndr::with_approval(yaml, "LD_PRELOAD", "case.yaml"); };
  CHECK(approved("").value() == "approved:\n  - LD_PRELOAD\n");
  CHECK(approved("job: x # mine").value() == "job: x # mine\napproved:\n  - LD_PRELOAD\n");
  CHECK(approved("approved: # ours\n  - PATH\njob: x\n").value() ==
        "approved: # ours\n  - LD_PRELOAD\n  - PATH\njob: x\n");
  CHECK(approved("approved:").value() == "approved:\n  - LD_PRELOAD\n");
  const auto line = approved("job: x\napproved: [PATH]\n");
  REQUIRE(line.has_error());
  CHECK(line.error().field == "case.yaml:2");
  CHECK(ndr::with_approval("", "A-B", "case.yaml").has_error());
  const auto settings = ndr::parse_case_settings(approved("approved:\n  - PATH\n").value(), "case.yaml");
  REQUIRE(settings.has_value());
  CHECK(settings->approved == std::vector<std::string>{"LD_PRELOAD", "PATH"});
}

TEST_CASE("case.yaml is read whole, its variables in their order") {
  const auto settings = parse_case_settings(
      "repository: /home/a/tt-metal\nworkflow: .github/workflows/x.yaml\njob: t3000 / ring\n"
      "boards: [0, 2]\nenvironment:\n  TT_METAL_OPERATION_TIMEOUT_SECONDS: 5\n  ARCH_NAME: wormhole_b0\n",
      "case.yaml");
  REQUIRE(settings.has_value());
  CaseSettings wanted;
  wanted.repository = "/home/a/tt-metal";
  wanted.workflow = ".github/workflows/x.yaml";
  wanted.job = "t3000 / ring";
  wanted.boards = {"0", "2"};
  wanted.environment = {{"TT_METAL_OPERATION_TIMEOUT_SECONDS", "5"}, {"ARCH_NAME", "wormhole_b0"}};
  CHECK(*settings == wanted);
}

TEST_CASE("an empty case.yaml says nothing") {
  for (const char* yaml : {"", "# nothing yet\n", "---\n"})
    CHECK(*parse_case_settings(yaml, "c") == CaseSettings{});
}

TEST_CASE("an unknown key is refused with its line") {
  CHECK(refusal_of("job: a\nbord: 1\n").field == "case.yaml:2: bord");
  CHECK(refusal_of("job: a\njob: b\n").field == "case.yaml:2: job");
}

TEST_CASE("values of another form are refused with their line") {
  CHECK(refusal_of("[a]").field == "case.yaml:1");
  CHECK(refusal_of("job: [a]").field == "case.yaml:1: job");
  CHECK(refusal_of("boards: 0").field == "case.yaml:1: boards");
  CHECK(refusal_of("boards:\n- 0\n- ../1\n").field == "case.yaml:3: boards");
  CHECK(refusal_of("boards: [0, 0]").field == "case.yaml:1: boards");
  CHECK(refusal_of("environment: [A=1]").field == "case.yaml:1: environment");
  CHECK(refusal_of("environment: {1A: x}").field == "case.yaml:1: environment");
  CHECK(refusal_of("environment: {\"A B\": x}").field == "case.yaml:1: environment");
  CHECK(refusal_of("environment:\n  A:\n    B: c\n").field == "case.yaml:3: environment.A");
  CHECK(refusal_of("environment: {A: \"x\\0y\"}").field == "case.yaml:1: environment.A");
  CHECK(refusal_of("? [x]\n: 1\n").reason == "is not a known key");
}

TEST_CASE("what is no YAML is refused with its line") {
  CHECK(refusal_of("job: a\nboards: [0\n").field.starts_with("case.yaml:"));
  CHECK(refusal_of("job: *unknown\n").field == "case.yaml:1");
}

TEST_CASE("a file that is too large is refused before it is parsed") {
  CHECK(refusal_of(std::string(65537, '#')).reason == "is larger than 64 KiB");
  std::string boards = "boards: [0";
  for (int i = 1; i <= 64; ++i)
    boards += ", " + std::to_string(i);
  CHECK(refusal_of(boards + "]").field == "case.yaml:1: boards");
}
