#include "analyzer/job/test_configuration.hpp"

#include <algorithm>
#include <utility>

#include "analyzer/evidence/formats.hpp"
#include "analyzer/evidence/text.hpp"
#include "analyzer/job/test_commands.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_entries = 2000;
constexpr std::size_t longest_command = std::size_t{64} << 10;

const YamlNode* command_of(const YamlNode& entry) {
  for (const char* key : {"cmd", "command", "run"}) {
    const YamlNode* command = entry.find(key);
    if (command != nullptr && command->is_scalar()) return command;
  }
  return nullptr;
}

const YamlNode* entries_of(const YamlNode& document) {
  const auto has_command = [](const YamlNode& list) {
    return std::any_of(list.items.begin(), list.items.end(),
                       [](const YamlNode& entry) { return entry.is_map() && command_of(entry) != nullptr; });
  };
  if (document.is_list()) return has_command(document) ? &document : nullptr;
  for (const auto& [key, value] : document.members) {
    if (value.is_list() && has_command(value)) return &value;
  }
  return nullptr;
}

// "{model}" of the entry's own plain values; "{1..3}" and what the entry does not have stay.
std::string with_placeholders(std::string_view text, const YamlNode& entry) {
  std::string result;
  for (std::size_t i = 0; i < text.size() && result.size() < longest_command; ++i) {
    const auto end = text[i] == '{' ? text.find('}', i) : std::string_view::npos;
    const bool shell = i > 0 && text[i - 1] == '$';
    const YamlNode* value =
        end == std::string_view::npos || shell ? nullptr : entry.find(text.substr(i + 1, end - i - 1));
    if (value != nullptr && value->is_scalar()) {
      result += value->text;
      i = end;
    } else {
      result += text[i];
    }
  }
  return result;
}

void read_skus(const YamlNode& entry, ConfiguredTest& test, FactFiles& files) {
  const auto at = [&](const YamlNode& node) { return files.at(test.file, node.line); };
  const auto minutes = [&](const std::string& sku, const YamlNode* limit) {
    const auto number = limit == nullptr ? std::nullopt : to_decimal(limit->text);
    if (number) test.minutes[sku] = sourced(*number, at(*limit));
  };
  for (const char* key : {"timeout", "timeout-minutes", "timeout_minutes"})
    minutes("", entry.find(key));
  for (const char* key : {"skus", "sku", "runs_on"}) {
    const YamlNode* skus = entry.find(key);
    if (skus == nullptr) continue;
    if (skus->is_scalar()) test.skus.push_back(skus->text);
    for (const YamlNode& sku : skus->items)
      test.skus.push_back(sku.is_map() ? sku.text_of("name") : sku.text);
    for (const auto& [sku, settings] : skus->members) {
      test.skus.push_back(sku.text);
      for (const char* limit : {"timeout", "timeout-minutes", "timeout_minutes"})
        minutes(sku.text, settings.find(limit));
    }
  }
}

ConfiguredTest read_entry(const SourceTree& tree, const std::string& path, const YamlNode& entry, FactFiles& files) {
  ConfiguredTest test;
  test.file = path;
  test.origin = files.at(path, entry.line);
  const YamlNode& command = *command_of(entry);
  const std::string text = with_placeholders(command.text, entry);
  const auto lines = split(text, '\n');
  const bool is_block = contains(command.text, "\n");
  for (std::size_t i = 0; i < lines.size(); ++i)
    test.script.push_back(sourced(std::string{lines[i]}, files.at(path, command.line + i + (is_block ? 1 : 0))));
  while (!test.script.empty() && trim(test.script.back().value).empty())
    test.script.pop_back();
  test.tests = test_commands(test.script, tree, files);
  if (const YamlNode* env = entry.find("env"); env != nullptr) {
    for (const auto& [name, value] : env->members) {
      const Origin origin = files.at(path, value.line);
      test.environment[name.text] = {
          {with_placeholders(value.text, entry), with_placeholders(value.text, entry), origin}, "entry"};
    }
  }
  for (const auto& [name, value] : script_variables(test.script))
    test.environment[name] = {{value.value, value.value, value.origin}, "script"};
  for (const TestCommand& run : test.tests) {
    for (const auto& [name, value] : run.command.assignments)
      test.environment[name] = {{value, value, run.command.origin}, "command"};
  }
  for (const auto& [name, value] : entry.members) {
    if (value.is_scalar() && &value != &command)
      test.labels[name.text] = sourced(value.text, files.at(path, value.line));
  }
  if (const auto name = test.labels.find("name"); name != test.labels.end()) test.name = name->second;
  const std::string id = entry.text_of("id");
  test.key = !id.empty() ? id : test.name ? test.name->value : std::string{before(trim(text), " ")};
  read_skus(entry, test, files);
  return test;
}

}  // namespace

bool is_test_configuration(const YamlNode& document) { return entries_of(document) != nullptr; }

std::vector<ConfiguredTest> configured_tests(const SourceTree& tree, const std::string& path, const YamlNode& document,
                                             FactFiles& files) {
  std::vector<ConfiguredTest> tests;
  const YamlNode* entries = entries_of(document);
  if (entries == nullptr) return tests;
  for (const YamlNode& entry : entries->items) {
    if (!entry.is_map() || command_of(entry) == nullptr || tests.size() >= most_entries) continue;
    ConfiguredTest test = read_entry(tree, path, entry, files);
    const auto same =
        std::count_if(tests.begin(), tests.end(), [&](const auto& other) { return other.key == test.key; });
    if (same > 0) test.key += " #" + std::to_string(same + 1);
    tests.push_back(std::move(test));
  }
  return tests;
}

}  // namespace ndr
