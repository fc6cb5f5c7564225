#include "analyzer/job/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace ndr {
namespace {

// Thrown out of the parser, which has no other way to be stopped; caught in parse_yaml.
struct Stop {
  std::uint64_t line;
  std::string reason;
  std::string remedy;
};

std::uint64_t line_of(const YAML::Mark& mark) { return mark.line < 0 ? 0 : static_cast<std::uint64_t>(mark.line) + 1; }

bool is_null_word(const std::string& text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

class TreeBuilder : public YAML::EventHandler {
public:
  explicit TreeBuilder(const YamlLimits& limits) : limits_(limits) {}
  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(node_of(YamlNode::Kind::null, mark), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) throw Stop{line_of(mark), "has an alias within its own anchor", "write the value out"};
    count(known->second.nodes, known->second.bytes, line_of(mark));
    add(known->second.node, YAML::NullAnchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = node_of(YamlNode::Kind::scalar, mark);
    node.quoted = tag == "!";
    if (!node.quoted && is_null_word(value)) node.kind = YamlNode::Kind::null;
    node.text = value;
    add(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(node_of(YamlNode::Kind::list, mark), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(node_of(YamlNode::Kind::map, mark), anchor);
  }
  void OnMapEnd() override { close(); }

private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor;
    bool has_key = false;
    YamlNode key;
  };
  struct Anchored {
    YamlNode node;
    std::size_t nodes;
    std::size_t bytes;
  };

  YamlNode node_of(YamlNode::Kind kind, const YAML::Mark& mark) {
    count(1, 0, line_of(mark));
    YamlNode node;
    node.kind = kind;
    node.line = line_of(mark);
    return node;
  }
  void count(std::size_t nodes, std::size_t bytes, std::uint64_t line) {
    nodes_ += nodes;
    copied_ += bytes;
    if (nodes_ > limits_.nodes || copied_ > limits_.bytes_of_copies)
      throw Stop{line, "has more than " + std::to_string(limits_.nodes) + " values, aliases expanded",
                 "split the file, or write fewer aliases"};
  }
  void open(YamlNode node, YAML::anchor_t anchor) {
    if (open_.size() >= static_cast<std::size_t>(limits_.depth))
      throw Stop{node.line, "nests deeper than " + std::to_string(limits_.depth) + " levels", "make it flatter"};
    open_.push_back({std::move(node), anchor, false, {}});
  }
  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.node.is_map()) merge(done.node);
    add(std::move(done.node), done.anchor);
  }
  void add(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {node, nodes_in(node), bytes_in(node)};
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.is_list()) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      if (node.is_map() || node.is_list())
        throw Stop{node.line, "has a key that is no plain text", "give the key a name"};
      parent.key = std::move(node);
      parent.has_key = true;
    } else {
      add_member(parent, std::move(node));
    }
  }
  void add_member(Open& parent, YamlNode node) {
    parent.has_key = false;
    if (parent.key.text != "<<" && parent.node.find(parent.key.text) != nullptr)
      throw Stop{parent.key.line, "has the key " + parent.key.text.substr(0, 80) + " twice", "remove one of them"};
    parent.node.members.push_back({std::move(parent.key), std::move(node)});
  }
  // `<<: *base` and `<<: [*a, *b]`: what the map does not say itself.
  static void merge(YamlNode& map) {
    std::vector<YamlNode> bases;
    std::erase_if(map.members, [&](auto& member) {
      if (member.first.text != "<<" || member.first.quoted) return false;
      if (member.second.is_map()) bases.push_back(std::move(member.second));
      for (YamlNode& base : member.second.items)
        bases.push_back(std::move(base));
      return true;
    });
    for (YamlNode& base : bases) {
      for (auto& member : base.members) {
        if (map.find(member.first.text) == nullptr) map.members.push_back(std::move(member));
      }
    }
  }
  static std::size_t nodes_in(const YamlNode& node) {
    std::size_t count = 1;
    for (const YamlNode& item : node.items)
      count += nodes_in(item);
    for (const auto& [key, value] : node.members)
      count += 1 + nodes_in(value);
    return count;
  }
  static std::size_t bytes_in(const YamlNode& node) {
    std::size_t count = node.text.size();
    for (const YamlNode& item : node.items)
      count += bytes_in(item);
    for (const auto& [key, value] : node.members)
      count += key.text.size() + bytes_in(value);
    return count;
  }

  YamlLimits limits_;
  std::size_t nodes_ = 0;
  std::size_t copied_ = 0;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  YamlNode root_;
};

// The parser calls itself for each bracket of a flow collection: what nests too deep is seen before.
std::uint64_t line_of_deep_brackets(std::string_view text, int limit) {
  int depth = 0;
  std::uint64_t line = 1;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
    } else if (c == '[' || c == '{') {
      if (++depth > 16 * limit) return line;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return 0;
}

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found =
      std::find_if(members.begin(), members.end(), [&](const auto& member) { return member.first.text == key; });
  return found == members.end() ? nullptr : &found->second;
}

std::string YamlNode::text_of(std::string_view key) const {
  const YamlNode* member = find(key);
  return member != nullptr && member->is_scalar() ? member->text : std::string{};
}

Checked<YamlNode> parse_yaml(std::string_view text, const std::string& origin, const YamlLimits& limits) {
  const auto at = [&](std::uint64_t line) { return origin + ":" + std::to_string(line); };
  if (text.size() > limits.bytes)
    return Refusal{origin, "is larger than " + std::to_string(limits.bytes >> 10) + " KiB", "split the file"};
  if (text.find('\0') != std::string_view::npos) return Refusal{origin, "holds a zero byte", "is it a text?"};
  if (const auto line = line_of_deep_brackets(text, limits.depth))
    return Refusal{at(line), "nests deeper than " + std::to_string(limits.depth) + " levels", "make it flatter"};
  std::istringstream in{std::string{text}};
  TreeBuilder builder{limits};
  try {
    YAML::Parser parser{in};
    parser.HandleNextDocument(builder);
  } catch (const Stop& stop) {
    return Refusal{at(stop.line), stop.reason, stop.remedy};
  } catch (const YAML::Exception& error) {
    return Refusal{at(line_of(error.mark)), "is no YAML: " + error.msg, "mend the line"};
  }
  return builder.take();
}

}  // namespace ndr
