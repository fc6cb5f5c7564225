#include "analyzer/evidence/formats_platform.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

using Name = std::pair<std::string_view, std::string_view>;  // a word in lower case, what it means

constexpr std::array<Name, 8> archs{{{"wormhole", "wormhole_b0"},
                                     {"wh", "wormhole_b0"},
                                     {"whb0", "wormhole_b0"},
                                     {"blackhole", "blackhole"},
                                     {"bh", "blackhole"},
                                     {"grayskull", "grayskull"},
                                     {"gs", "grayskull"},
                                     {"wormholeb0", "wormhole_b0"}}};

constexpr std::array<Name, 36> boards{
    {{"n150", "N150"},         {"n150d", "N150"},         {"n150s", "N150"},      {"n300", "N300"},
     {"n300d", "N300"},        {"n300s", "N300"},         {"p100", "P100"},       {"p100a", "P100"},
     {"p150", "P150"},         {"p150a", "P150a"},        {"p150b", "P150b"},     {"p150c", "P150c"},
     {"p300", "P300"},         {"p300a", "P300"},         {"p300b", "P300"},      {"t3000", "T3000"},
     {"t3k", "T3000"},         {"llmbox", "T3000"},       {"loudbox", "LoudBox"}, {"tg", "Galaxy"},
     {"galaxy", "Galaxy"},     {"glx", "Galaxy"},         {"6u", "Galaxy"},       {"tgg", "TGG"},
     {"quietbox", "QuietBox"}, {"qb", "QuietBox"},        {"quad", "Quad"},       {"sc4", "Quad"},
     {"sc1", "SC1"},           {"e150", "E150"},          {"e75", "E75"},         {"qbge", "QuietBox"},
     {"deskbox", "DeskBox"},   {"quietbox2", "QuietBox"}, {"bhqb", "QuietBox"},   {"ubb", "Galaxy"}}};

// Words between anything that is neither letter nor digit.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (const char c : to_lower(name)) {
    if (is_word(c) && c != '_')
      words.back() += c;
    else if (!words.back().empty())
      words.emplace_back();
  }
  return words;
}

template <std::size_t size>
std::optional<std::string> first_meaning(std::string_view name, const std::array<Name, size>& names) {
  for (const std::string& word : words_of(name)) {
    const auto found = std::find_if(names.begin(), names.end(), [&](const Name& known) { return known.first == word; });
    if (found != names.end()) return std::string{found->second};
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> arch_in(std::string_view name) { return first_meaning(name, archs); }
std::optional<std::string> board_in(std::string_view name) { return first_meaning(name, boards); }

}  // namespace ndr
