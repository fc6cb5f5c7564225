#include "supervisor/arms/place_question.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "analyzer/utf8.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/child_answer.hpp"

namespace ndr {
namespace {

using nlohmann::json;

[[maybe_unused]] constexpr rlim_t most_memory = rlim_t{4} << 30;
constexpr rlim_t most_cpu_s = 30;

/// [module, offset] of each, and how long it may take.
std::string question_of(const std::vector<CodePlace>& places, std::chrono::seconds limit) {
  json wanted = json::array();
  for (const CodePlace& place : places)
    wanted.push_back({to_utf8(place.module), place.offset});
  const double seconds = static_cast<double>(limit.count()) * 0.8;
  return json_text(json{{"seconds", seconds}, {"places", wanted}});
}

bool is_text(const json& object, const char* key) { return object.contains(key) && object[key].is_string(); }

void take_place(const json& told, CodePlace& place) {
  if (!told.is_object() || !is_text(told, "function") || !is_text(told, "file")) return;
  if (!told.contains("line") || !told["line"].is_number_integer()) return;
  place.function = told["function"].get<std::string>();
  place.file = told["file"].get<std::string>();
  place.line = told["line"].get<int>();
  if (told.contains("within") && told["within"].is_number_unsigned())
    place.function_offset = told["within"].get<std::uint64_t>();
}

}  // namespace

std::vector<CodePlace> ask_places(const std::filesystem::path& program, std::vector<CodePlace> places,
                                  std::chrono::seconds limit) {
  if (places.empty() || ::access(program.c_str(), X_OK) != 0) return places;
  const auto answer = ask_child({.program = program,
                                 .arguments = {program.string(), "code-places"},
                                 .input = question_of(places, limit),
                                 .script = {},
                                 .limit = limit,
                                 .longest_output = std::size_t{16} << 20});
  if (!answer || !answer->succeeded()) return places;
  const auto told = json_from(answer->output);
  if (!told.is_array() || told.size() != places.size()) return places;
  for (std::size_t i = 0; i < places.size(); ++i)
    take_place(told[i], places[i]);
  return places;
}

std::string answer_places(const std::string& question) {
  const auto asked = json_from(question);
  if (!asked.is_object() || !asked.contains("places") || !asked["places"].is_array()) return {};
  std::map<std::string, std::vector<std::uint64_t>> offsets;
  for (const json& place : asked["places"]) {
    if (!place.is_array() || place.size() != 2 || !place[0].is_string() || !place[1].is_number_unsigned()) return {};
    offsets[place[0].get<std::string>()].push_back(place[1].get<std::uint64_t>());
  }
  const double seconds = asked.value("seconds", 10.0) / static_cast<double>(std::max<std::size_t>(1, offsets.size()));
  std::map<std::string, std::vector<CodePlace>> found;
  for (const auto& [module, of_module] : offsets)
    found[module] = code_places(module, of_module, seconds);
  std::map<std::string, std::size_t> told;
  json answer = json::array();
  for (const json& asked_for : asked["places"]) {
    const auto module = asked_for[0].get<std::string>();
    const CodePlace& place = found[module][told[module]++];
    answer.push_back({{"function", to_utf8(place.function)},
                      {"within", place.function_offset},
                      {"file", to_utf8(place.file)},
                      {"line", place.line}});
  }
  return json_text(answer);
}

int places_command() {
  const rlimit time{most_cpu_s, most_cpu_s};
  const rlimit none{0, 0};
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which reserve terabytes for themselves
  const rlimit memory{most_memory, most_memory};
  ::setrlimit(RLIMIT_AS, &memory);
#endif
  ::setrlimit(RLIMIT_CPU, &time);
  ::setrlimit(RLIMIT_CORE, &none);
  const std::string question{std::istreambuf_iterator<char>{std::cin}, {}};
  const std::string answer = answer_places(question);
  std::cout << answer << std::flush;
  return !answer.empty() && std::cout ? 0 : 2;
}

}  // namespace ndr
