#include "analyzer/evidence/signal_rule_set.hpp"

#include <hs/hs.h>
#include <re2/re2.h>

#include <iterator>
#include <new>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "analyzer/utf8.hpp"

namespace ndr {
namespace {

std::string literal_pattern(std::string_view text) {
  static const char* const digits = "0123456789abcdef";
  std::string pattern;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    pattern += "\\x";
    pattern += digits[byte >> 4];
    pattern += digits[byte & 0xf];
  }
  return pattern;
}

// `$`, `\b` and their like; a class or an escape that only contains one is taken for one too, which costs a
// delay of one write at most.
bool looks_behind_its_end(std::string_view pattern) {
  for (const std::string_view assertion : {"$", "\\b", "\\B", "\\z", "\\Z"})
    if (pattern.find(assertion) != std::string_view::npos) return true;
  return false;
}

bool acted_on(const SignalRule& rule) {
  return rule.reaction != Reaction::none || rule.signal_class == SignalClass::test_begin ||
         rule.signal_class == SignalClass::triage || rule.signal_class == SignalClass::run_ending;
}

}  // namespace

SignalRuleSet::Database::~Database() {
  hs_free_scratch(scratch);
  hs_free_database(patterns);
}

Checked<void> SignalRuleSet::Compiled::add(std::vector<SignalRule> more) {
  const std::size_t first = rules.size();
  rules.insert(rules.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  if (first == rules.size()) return Refusal{"rules", "there are none", "give at least one"};
  std::set<std::string_view> names;
  for (const SignalRule& rule : rules)
    if (!names.insert(rule.id).second) return Refusal{rule.id, "is there twice", "give each rule an id of its own"};
  if (auto compiled = compile_fields(first); !compiled) return compiled;
  return compile_patterns(first);
}

Checked<void> SignalRuleSet::Compiled::compile_fields(std::size_t first) {
  for (std::size_t i = first; i < rules.size(); ++i) {
    std::shared_ptr<const re2::RE2> compiled;
    if (!rules[i].field_pattern.empty()) {
      re2::RE2::Options options(re2::RE2::Latin1);  // lines are bytes, not always UTF-8
      options.set_log_errors(false);
      compiled = std::make_shared<const re2::RE2>(rules[i].field_pattern, options);
      if (!compiled->ok()) return Refusal{rules[i].id, "fields: " + compiled->error(), "see RE2's syntax"};
    }
    fields.push_back(std::move(compiled));
    at_once.push_back(acted_on(rules[i]));
    looks_ahead.push_back(!rules[i].literal && looks_behind_its_end(rules[i].pattern));
  }
  return {};
}

Checked<void> SignalRuleSet::Compiled::compile_patterns(std::size_t first) {
  std::vector<std::string> patterns;
  std::vector<const char*> texts;
  std::vector<unsigned> ids;
  for (std::size_t i = first; i < rules.size(); ++i) {
    if (!rules[i].literal && rules[i].pattern.find('\0') != std::string::npos)
      return Refusal{rules[i].id, "the pattern has a NUL", "write \\x00"};
    patterns.push_back(rules[i].literal ? literal_pattern(rules[i].pattern) : rules[i].pattern);
    ids.push_back(static_cast<unsigned>(i));
  }
  texts.reserve(patterns.size());
  for (const std::string& pattern : patterns)
    texts.push_back(pattern.c_str());
  const std::vector<unsigned> flags(texts.size(), HS_FLAG_MULTILINE);
  auto database = std::make_shared<Database>();
  hs_compile_error_t* error = nullptr;
  if (hs_compile_multi(texts.data(), flags.data(), ids.data(), static_cast<unsigned>(texts.size()), HS_MODE_BLOCK,
                       nullptr, &database->patterns, &error) != HS_SUCCESS) {
    const int index = error->expression;
    Refusal refusal{index < 0 ? "rules" : rules[first + static_cast<std::size_t>(index)].id, error->message,
                    "no lookaround, no back-references, and not the empty text"};
    hs_free_compile_error(error);
    return refusal;
  }
  if (hs_alloc_scratch(database->patterns, &database->scratch) != HS_SUCCESS) throw std::bad_alloc();
  databases.push_back(std::move(database));
  return {};
}

SignalRuleSet::SignalRuleSet(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
SignalRuleSet::~SignalRuleSet() = default;
std::span<const SignalRule> SignalRuleSet::rules() const { return compiled_->rules; }

std::map<std::string, std::string> SignalRuleSet::fields_of(const LogSignal& signal) const {
  std::map<std::string, std::string> fields;
  const re2::RE2* pattern = compiled_->fields[signal.rule].get();
  if (pattern == nullptr) return fields;
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(pattern->NumberOfCapturingGroups()) + 1);
  const re2::StringPiece line(signal.line.data(), signal.line.size());
  if (!pattern->Match(line, 0, line.size(), re2::RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size())))
    return fields;
  for (const auto& [name, index] : pattern->NamedCapturingGroups()) {
    const re2::StringPiece& group = groups[static_cast<std::size_t>(index)];
    if (group.data() != nullptr) fields[name] = to_utf8({group.data(), group.size()});
  }
  return fields;
}

Checked<std::shared_ptr<const SignalRuleSet>> SignalRuleSet::compile(std::vector<SignalRule> rules) {
  if (hs_valid_platform() != HS_SUCCESS)
    throw std::runtime_error("compile log signal rules: Vectorscan does not run on this processor");
  return SignalRuleSet(std::make_unique<Compiled>()).with(std::move(rules));
}

Checked<std::shared_ptr<const SignalRuleSet>> SignalRuleSet::with(std::vector<SignalRule> more) const {
  auto compiled = std::make_unique<Compiled>(*compiled_);
  if (const auto added = compiled->add(std::move(more)); !added) return added.error();
  return std::shared_ptr<const SignalRuleSet>(new SignalRuleSet(std::move(compiled)));
}

}  // namespace ndr
