#include "analyzer/stress/recipe.hpp"

#include <algorithm>

#include "analyzer/stress/shell_text.hpp"

namespace ndr {
namespace {

constexpr std::string_view recipe_begin = "# --- ndrepro recipe: begin";
constexpr std::string_view recipe_end = "# --- ndrepro recipe: end\n";

struct RecipeSpan {
  std::size_t begin = std::string_view::npos;
  std::size_t end = std::string_view::npos;
};

RecipeSpan span_in(std::string_view script) {
  RecipeSpan span;
  span.begin = script.find(recipe_begin);
  if (span.begin == std::string_view::npos) return {};
  const std::size_t end = script.find(recipe_end, span.begin);
  if (end == std::string_view::npos) return {};
  span.end = end + recipe_end.size();
  return span;
}

/// Behind the comments of the head, and behind the line that asks for bash.
std::size_t place_for(std::string_view script) {
  std::size_t at = 0;
  while (at < script.size()) {
    const std::size_t newline = script.find('\n', at);
    const std::string_view line = script.substr(at, newline - at);
    const bool is_head = line.empty() || line.front() == '#' || line.find("BASH_VERSION") != std::string_view::npos;
    if (!is_head || newline == std::string_view::npos) return at;
    at = newline + 1;
  }
  return at;
}

void option(std::string& command, std::string_view name, std::string_view value) {
  command.append(" ").append(name).append(" ").append(shell_quoted(value));
}

std::string loop_words(const Recipe& recipe) {
  std::string words = " loop --own-folders";
  option(words, "--arm", recipe.arm);
  option(words, "--parameters", recipe.parameters);
  option(words, "--seed", std::to_string(recipe.seed));
  option(words, "--seconds", std::to_string(recipe.seconds));
  option(words, "--run-limit-ms", std::to_string(recipe.run_limit_ms));
  if (recipe.counts_standstill) words += " --standstill-counts";
  for (const std::string& literal : recipe.literals)
    if (!has_nul(literal)) option(words, "--literal", literal);
  return words + " --";
}

}  // namespace

std::string recipe_command(const Recipe& recipe) {
  return shell_quoted(recipe.shim.empty() ? "ndreprod-shim" : recipe.shim) + loop_words(recipe);
}

std::string with_recipe(std::string_view script, const Recipe& recipe) {
  std::string block{recipe_begin};
  block += " (written by a campaign; generating anew keeps it)\n";
  block += "# What made it fail: " + shell_comment(recipe.words) + "\n";
  block += "# Without arguments this script repeats that until it fails, " + std::to_string(recipe.seconds) +
           " s at most; with --plain it makes one plain run.\n";
  block += "if [ \"${1:-}\" = --plain ]; then\n    shift\n";
  block += "elif [ $# -eq 0 ] && [ -z \"${NDREPRO_RUN:-}${NDREPRO_ATTEMPT:-}\" ]; then\n";
  block +=
      "    ndrepro_shim=\"${NDREPRO_SHIM:-$(command -v ndreprod-shim || echo " + shell_quoted(recipe.shim) + ")}\"\n";
  block += "    if [ -x \"$ndrepro_shim\" ]; then\n";
  const std::string iterations = recipe.iterations > 0 ? " --iterations " + std::to_string(recipe.iterations) : "";
  block += "        exec \"$ndrepro_shim\"" + loop_words(recipe) + " \"$0\" --plain" + iterations + "\n";
  block += "    fi\n";
  block +=
      "    echo \"run_test.sh: its recipe needs ndreprod-shim, which is not here (install ndrepro, or name it in"
      " NDREPRO_SHIM); one plain run instead\" >&2\n";
  block += "fi\n";
  block += recipe_end;
  return with_recipe_block(script, block);
}

std::string without_recipe(std::string_view script) {
  const RecipeSpan span = span_in(script);
  if (span.begin == std::string_view::npos) return std::string{script};
  return std::string{script.substr(0, span.begin)}.append(script.substr(span.end));
}

std::string with_blank_recipe(std::string_view script) {
  const RecipeSpan span = span_in(script);
  if (span.begin == std::string_view::npos) return std::string{script};
  const std::string_view block = script.substr(span.begin, span.end - span.begin);
  const auto lines = static_cast<std::size_t>(std::count(block.begin(), block.end(), '\n'));
  return std::string{script.substr(0, span.begin)}.append(lines, '\n').append(script.substr(span.end));
}

std::string recipe_block_of(std::string_view script) {
  const RecipeSpan span = span_in(script);
  return span.begin == std::string_view::npos ? std::string{}
                                              : std::string{script.substr(span.begin, span.end - span.begin)};
}

std::string with_recipe_block(std::string_view script, const std::string& block) {
  std::string whole = without_recipe(script);
  if (!block.empty()) whole.insert(place_for(whole), block);
  return whole;
}

}  // namespace ndr
