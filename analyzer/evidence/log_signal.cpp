#include "analyzer/evidence/log_signal.hpp"

#include <re2/re2.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "analyzer/assert.hpp"
#include "analyzer/evidence/signal_matcher.hpp"

namespace ndr {

const std::map<std::string, std::string_view>& signal_packs();  // generated from rules/*.yaml

namespace {

constexpr std::array<std::pair<SignalClass, std::string_view>, 13> kClasses{{
    {SignalClass::device_timeout, "device_timeout"},
    {SignalClass::contention, "contention"},
    {SignalClass::board_broken, "board_broken"},
    {SignalClass::crash, "crash"},
    {SignalClass::exception, "exception"},
    {SignalClass::test_timeout, "test_timeout"},
    {SignalClass::setup_error, "setup_error"},
    {SignalClass::worker_down, "worker_down"},
    {SignalClass::triage, "triage"},
    {SignalClass::progress, "progress"},
    {SignalClass::test_begin, "test_begin"},
    {SignalClass::run_ending, "run_ending"},
    {SignalClass::note, "note"},
}};

constexpr std::array<std::pair<Reaction, std::string_view>, 5> kReactions{{
    {Reaction::none, "none"},
    {Reaction::stop_now, "stop_now"},
    {Reaction::stop_after_grace, "stop_after_grace"},
    {Reaction::let_end, "let_end"},
    {Reaction::stop_campaign, "stop_campaign"},
}};

template <class Words, class Value>
std::string_view word_of(const Words& words, Value value) {
  const auto found = std::find_if(words.begin(), words.end(), [&](const auto& word) { return word.first == value; });
  NDR_ASSERT(found != words.end());
  return found->second;
}

template <class Value, std::size_t N>
std::optional<Value> value_of(const std::array<std::pair<Value, std::string_view>, N>& words, std::string_view text) {
  for (const auto& [value, word] : words)
    if (word == text) return value;
  return std::nullopt;
}

template <class Words>
std::string all_words(const Words& words) {
  std::string text;
  for (const auto& [value, word] : words)
    text += (text.empty() ? "" : ", ") + std::string{word};
  return "one of: " + text;
}

// A pack is read by people and compiled by two engines; beyond these sizes it is a mistake.
constexpr std::size_t kLongestPack = 1 << 20;
constexpr std::size_t kLongestPattern = 4096;

/// Reads one rule; `place` says `file:line`.
class RuleReader {
public:
  RuleReader(const YAML::Node& node, std::string place) : node_(node), place_(std::move(place)) {}

  Checked<SignalRule> read() {
    if (!node_.IsMap()) return refuse("is not a rule", "write `- id: pack.name` and the other keys under it");
    for (const auto& entry : node_)
      if (known().count(entry.first.Scalar()) == 0)
        return refuse("unknown key `" + entry.first.Scalar() + "`", all_keys());
    SignalRule rule;
    rule.id = text("id");
    static const re2::RE2 id_form("[a-z0-9_]+\\.[a-z0-9_]+");
    if (!re2::RE2::FullMatch(rule.id, id_form))
      return refuse("`" + rule.id + "` is not an id", "pack.name, lower case");
    rule.literal = node_["literal"].IsDefined();
    if (rule.literal == node_["pattern"].IsDefined())
      return refuse(rule.id + ": needs a pattern or a literal, and not both", "");
    rule.pattern = text(rule.literal ? "literal" : "pattern");
    if (rule.pattern.empty() || rule.pattern.size() > kLongestPattern)
      return refuse(rule.id + ": the pattern is empty or longer than 4096 bytes", "");
    return words(std::move(rule));
  }

private:
  Checked<SignalRule> words(SignalRule rule) {
    const auto signal_class = signal_class_from(text("class"));
    if (!signal_class) return refuse(rule.id + ": `" + text("class") + "` is no class", all_words(kClasses));
    rule.signal_class = *signal_class;
    if (node_["reaction"].IsDefined()) {
      const auto reaction = reaction_from(text("reaction"));
      if (!reaction) return refuse(rule.id + ": `" + text("reaction") + "` is no reaction", all_words(kReactions));
      rule.reaction = *reaction;
    }
    rule.meaning = text("meaning");
    if (rule.meaning.empty()) return refuse(rule.id + ": has no meaning", "say in one sentence what a match means");
    rule.field_pattern = text("fields");
    rule.example = text("example");
    return rule;
  }

  std::string text(const char* key) const {
    const YAML::Node value = node_[key];
    return value.IsDefined() && value.IsScalar() ? value.Scalar() : std::string{};
  }
  static const std::set<std::string>& known() {
    static const std::set<std::string> keys{"id",       "pattern", "literal", "class",
                                            "reaction", "fields",  "meaning", "example"};
    return keys;
  }
  static std::string all_keys() {
    std::string keys;
    for (const std::string& key : known())
      keys += (keys.empty() ? "known: " : ", ") + key;
    return keys;
  }
  Refusal refuse(std::string reason, std::string remedy) const {
    return Refusal{place_, std::move(reason), std::move(remedy)};
  }

  YAML::Node node_;
  std::string place_;
};

// Compiles the rule alone and lets it find its example.
Checked<void> check_rule(const SignalRule& rule, const std::string& place) {
  const auto compiled = SignalRuleSet::compile({rule});
  if (!compiled)
    return Refusal{place, compiled.error().field + ": " + compiled.error().reason, compiled.error().remedy};
  if (rule.example.empty()) return {};
  SignalMatcher matcher(*compiled);
  std::vector<LogSignal> found;
  matcher.feed(rule.example + "\n", found);
  if (found.size() == 1) return {};
  return Refusal{place, rule.id + ": does not match its example once", "correct the pattern or the example"};
}

Checked<std::vector<SignalRule>> read_pack(std::string_view yaml, const std::string& origin, bool check) {
  if (yaml.size() > kLongestPack) return Refusal{origin, "is larger than 1 MiB", "split it"};
  std::vector<SignalRule> rules;
  try {
    const YAML::Node root = YAML::Load(std::string{yaml});
    if (!root.IsMap() || root.size() != 1 || !root["rules"].IsDefined() || !root["rules"].IsSequence())
      return Refusal{origin + ":1", "is not a pack of rules", "write `rules:` and a list under it"};
    for (const YAML::Node& node : root["rules"]) {
      const std::string place = origin + ":" + std::to_string(node.Mark().line + 1);
      auto rule = RuleReader{node, place}.read();
      if (!rule) return rule.error();
      if (check)
        if (const auto good = check_rule(*rule, place); !good) return good.error();
      rules.push_back(*std::move(rule));
    }
  } catch (const YAML::Exception& error) {
    return Refusal{origin + ":" + std::to_string(error.mark.line + 1), error.msg, "it must be YAML"};
  }
  return rules;
}

}  // namespace

std::string_view to_text(SignalClass signal_class) { return word_of(kClasses, signal_class); }
std::string_view to_text(Reaction reaction) { return word_of(kReactions, reaction); }
std::optional<SignalClass> signal_class_from(std::string_view text) { return value_of(kClasses, text); }
std::optional<Reaction> reaction_from(std::string_view text) { return value_of(kReactions, text); }

Checked<std::vector<SignalRule>> parse_signal_rules(std::string_view yaml, const std::string& origin) {
  return read_pack(yaml, origin, true);
}

const std::vector<SignalRule>& builtin_signal_rules() {
  static const std::vector<SignalRule> rules = [] {
    std::vector<SignalRule> all;
    for (const auto& [file, yaml] : signal_packs()) {
      auto pack = read_pack(yaml, file, false);  // checked one by one in the tests, not at each start
      all.insert(all.end(), pack.value().begin(), pack.value().end());
    }
    return all;
  }();
  return rules;
}

}  // namespace ndr
