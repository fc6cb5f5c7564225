#include "supervisor/shim/loop_options.hpp"

#include <optional>

#include "supervisor/shim/proc_text.hpp"

namespace ndr {
namespace {

constexpr std::int64_t most_seconds = 30ll * 86400;

Refusal bad_loop(std::string field, std::string reason) {
  return {std::move(field), std::move(reason), "see ndreprod-shim --help"};
}

/// A whole number from `least` on; nothing for anything else.
std::optional<std::int64_t> whole(const std::string& text, std::int64_t least, std::int64_t most) {
  const auto number = number_from<std::int64_t>(text);
  return number && *number >= least && *number <= most ? number : std::nullopt;
}

bool take_number(const std::string& name, const std::string& value, LoopOptions& options) {
  const std::int64_t least = name == "--seconds" || name == "--run-limit-ms" ? 1 : 0;
  const auto number = whole(value, least, name == "--seconds" ? most_seconds : std::int64_t{1} << 62);
  if (!number) return false;
  if (name == "--seed") options.seed = static_cast<std::uint64_t>(*number);
  if (name == "--seconds") options.seconds = *number;
  if (name == "--runs") options.runs = *number;
  if (name == "--run-limit-ms") options.run_limit_ms = *number;
  return true;
}

bool is_number_option(const std::string& name) {
  return name == "--seed" || name == "--seconds" || name == "--runs" || name == "--run-limit-ms";
}

}  // namespace

Checked<LoopOptions> loop_options_from(const std::vector<std::string>& words) {
  LoopOptions options;
  std::string arm = "plain";
  std::string parameters = "{}";
  std::size_t at = 0;
  for (; at < words.size() && words[at] != "--"; ++at) {
    const std::string& name = words[at];
    if (name == "--standstill-counts") {
      options.standstill_counts = true;
      continue;
    }
    if (name == "--own-folders") {
      options.own_folders = true;
      continue;
    }
    const bool is_known = name == "--arm" || name == "--parameters" || name == "--literal" || is_number_option(name);
    if (!is_known) return bad_loop(name, "is not an option of loop");
    if (at + 1 == words.size()) return bad_loop(name, "needs a value");
    const std::string& value = words[++at];
    if (name == "--arm") arm = value;
    if (name == "--parameters") parameters = value;
    if (name == "--literal") options.literals.push_back(value);
    if (is_number_option(name) && !take_number(name, value, options)) return bad_loop(name, "needs a whole number");
  }
  if (at + 1 >= words.size()) return bad_loop("COMMAND", "is missing: it follows --");
  options.command.assign(words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end());
  const std::optional<Arm> known = arm_from(arm, parameters);
  if (!known) return bad_loop("--parameters", "are not those of an arm");
  options.arm = *known;
  return options;
}

}  // namespace ndr
