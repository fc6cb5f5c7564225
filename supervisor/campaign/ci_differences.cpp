#include "supervisor/campaign/ci_differences.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "storage/strict_json.hpp"

namespace ndr {
namespace {

bool is_in_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Whether a word of the script is this name.
bool names(const std::string& script, const std::string& name) {
  for (std::size_t at = script.find(name); at != std::string::npos; at = script.find(name, at + 1)) {
    const bool begins = at == 0 || !is_in_word(script[at - 1]);
    const std::size_t end = at + name.size();
    if (begins && (end == script.size() || !is_in_word(script[end]))) return true;
  }
  return false;
}

std::string plain_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

void add_variables(const Evidence& evidence, const AttemptSpec& spec, const std::string& script,
                   std::vector<CiDifference>& found) {
  for (const auto& variable : evidence.environment) {
    const std::string& name = variable.first;
    const auto& value = variable.second;
    if (evidence.secrets.contains(name)) continue;
    if (names(script, name) && script.find(value.value) != std::string::npos) continue;
    const auto here = std::find_if(spec.environment.rbegin(), spec.environment.rend(),
                                   [&name](const auto& one) { return one.first == name; });
    const bool is_set = here != spec.environment.rend();
    if (is_set && here->second == value.value) continue;
    if (names(script, name))
      found.push_back({"variable " + name, value.value, "another value, by run_test.sh"});
    else
      found.push_back({"variable " + name, value.value, is_set ? here->second : std::string{}});
  }
}

void add_limits(const Evidence& evidence, const std::string& script, std::vector<CiDifference>& found) {
  const auto limit = evidence.timeouts.find("pytest_s");
  if (limit != evidence.timeouts.end() && script.find("timeout") == std::string::npos)
    found.push_back({"test timeout", plain_number(limit->second.value) + " s", ""});
}

/// "-n 4" of a command; empty where it starts no workers.
std::string workers_of(const std::string& command) {
  const std::size_t at = command.find(" -n ");
  if (at == std::string::npos) return {};
  return command.substr(at + 1, command.find(' ', at + 4) - at - 1);
}

void add_circumstances(const Evidence& evidence, const std::string& script, std::vector<CiDifference>& found) {
  const std::string workers = evidence.command ? workers_of(evidence.command->value) : std::string{};
  if (!workers.empty() && script.find(" -n ") == std::string::npos) found.push_back({"workers", workers, ""});
  if (evidence.predecessor_count > 0)
    found.push_back({"tests before it in one process", std::to_string(evidence.predecessor_count), "0"});
}

void add_machine(const Evidence& evidence, const std::string& fingerprint, std::vector<CiDifference>& found) {
  const auto host = json_from(fingerprint);
  const auto of_host = [&host](const char* key) {
    return host.is_object() && host.contains(key) && host[key].is_string() ? host[key].get<std::string>()
                                                                           : std::string{};
  };
  const std::string here = of_host("distribution") + ", Linux " + of_host("kernel");
  if (evidence.container_image) found.push_back({"container", evidence.container_image->value, here});
  if (evidence.runner) found.push_back({"machine", evidence.runner->value, here});
  if (evidence.arch && of_host("driver").empty()) found.push_back({"device", evidence.arch->value, "no driver loaded"});
}

}  // namespace

std::vector<CiDifference> differences_from_ci(const Evidence& evidence, const AttemptSpec& spec,
                                              const std::string& script, const std::string& fingerprint) {
  std::vector<CiDifference> found;
  add_variables(evidence, spec, script, found);
  add_limits(evidence, script, found);
  add_circumstances(evidence, script, found);
  add_machine(evidence, fingerprint, found);
  return found;
}

}  // namespace ndr
