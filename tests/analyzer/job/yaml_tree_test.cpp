#include "analyzer/job/yaml_tree.hpp"

#include <chrono>
#include <string>

#include "tests/support/catch.hpp"

namespace {

ndr::YamlNode parse(const std::string& text) {
  const auto node = ndr::parse_yaml(text, "a.yaml");
  INFO((node.has_error() ? to_text(node.error()) : ""));
  REQUIRE(node.has_value());
  return *node;
}

ndr::Refusal refusal(const std::string& text, const ndr::YamlLimits& limits = {}) {
  const auto node = ndr::parse_yaml(text, "a.yaml", limits);
  REQUIRE(node.has_error());
  return node.error();
}

}  // namespace

TEST_CASE("a document becomes a tree whose nodes know their lines") {
  const ndr::YamlNode root = parse("name: pump\nsteps:\n  - run: |\n      one\n      two\n  - uses: x\n");
  CHECK(root.text_of("name") == "pump");
  const ndr::YamlNode* steps = root.find("steps");
  REQUIRE(steps != nullptr);
  REQUIRE(steps->items.size() == 2);
  CHECK(steps->items[0].text_of("run") == "one\ntwo\n");
  CHECK(steps->items[0].find("run")->line == 3);
  CHECK(steps->items[0].find("run")->quoted);
  CHECK(steps->items[1].find("uses")->line == 6);
  CHECK(root.find("absent") == nullptr);
}

TEST_CASE("plain words stay text, and null is null") {
  const ndr::YamlNode root = parse("on: push\na: 'true'\nb: true\nc: null\nd: ~\ne: '~'\nf:\n");
  CHECK(root.text_of("on") == "push");
  CHECK(root.find("a")->quoted);
  CHECK_FALSE(root.find("b")->quoted);
  for (const char* null : {"c", "d", "f"})
    CHECK(root.find(null)->kind == ndr::YamlNode::Kind::null);
  CHECK(root.find("e")->is_scalar());
}

TEST_CASE("aliases are expanded, merge keys too") {
  const ndr::YamlNode root = parse("base: &b {x: 1, y: 2}\nuse: *b\nmore:\n  <<: *b\n  y: 3\n");
  CHECK(root.find("use")->text_of("x") == "1");
  CHECK(root.find("more")->text_of("x") == "1");
  CHECK(root.find("more")->text_of("y") == "3");
}

TEST_CASE("an alias bomb is refused at once, with its line") {
  std::string bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int k = 0; k < 8; ++k)
      bomb += ", " + last;
    bomb += "]\n";
  }
  const auto begin = std::chrono::steady_clock::now();
  const ndr::Refusal refused = refusal(bomb);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{2});
  CHECK_THAT(refused.field, ContainsSubstring("a.yaml:"));
  CHECK_THAT(refused.reason, ContainsSubstring("aliases expanded"));
}

TEST_CASE("what is too deep, too large, doubled or no YAML is refused with its line") {
  CHECK_THAT(refusal(std::string(100000, '[')).reason, ContainsSubstring("nests deeper"));
  std::string deep;
  for (int i = 0; i < 200; ++i)
    deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  CHECK_THAT(refusal(deep).reason, ContainsSubstring("nests deeper"));
  CHECK_THAT(refusal(std::string(2 << 20, 'x')).reason, ContainsSubstring("is larger than"));
  CHECK(refusal("a: 1\nb: 2\na: 3\n").field == "a.yaml:3");
  CHECK(refusal("a: 1\nb: [1, 2\nc: 3\n").field.starts_with("a.yaml:"));
  CHECK_THAT(refusal("a: &x [1, *x]\n").reason, ContainsSubstring("alias"));
  CHECK_THAT(refusal(std::string("a: \0b", 5)).reason, ContainsSubstring("zero byte"));
  CHECK_THAT(refusal("? [a, b]\n: c\n").reason, ContainsSubstring("key"));
  ndr::YamlLimits few;
  few.nodes = 5;
  CHECK_THAT(refusal("[1, 2, 3, 4, 5, 6]", few).reason, ContainsSubstring("more than 5 values"));
}

TEST_CASE("an empty document is null") {
  CHECK(parse("").kind == ndr::YamlNode::Kind::null);
  CHECK(parse("# only a word\n").kind == ndr::YamlNode::Kind::null);
}
