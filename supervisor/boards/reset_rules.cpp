#include "supervisor/boards/reset_rules.hpp"

#include <algorithm>
#include <array>

namespace ndr {
namespace {

// What tt-smi and the user-mode driver below it print when a reset did not work, also with exit status 0.
constexpr std::array<std::string_view, 9> failure_texts{
    "Reset failed.",
    "Timeout waiting for device at BDF",
    "Config space reset not completed",
    "Refclk didn't reset",
    "Error when re-initializing chips",
    "No Tenstorrent driver detected",
    "No Tenstorrent devices detected",
    "Error accessing board at PCI index",
    "POST_RESET failed",
};

// ECMA-48 control sequences and lone escapes.
std::string without_ansi(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\x1b') {
      plain += text[i];
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '[') {
      i += 2;
      while (i < text.size() && (text[i] < '@' || text[i] > '~'))
        ++i;
    }
  }
  return plain;
}

std::string last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\r'))
    text.remove_suffix(1);
  const std::size_t begin = text.rfind('\n');
  return std::string{begin == std::string_view::npos ? text : text.substr(begin + 1)}.substr(0, 200);
}

std::string listed(const std::vector<std::string>& names) {
  std::string text = "{";
  for (const std::string& name : names)
    text += (text.size() > 1 ? ", " : "") + name;
  return text + "}";
}

}  // namespace

ResetFinding judge_reset(const ResetObservation& seen) {
  if (!seen.start_error.empty()) return {ResetResult::failed, seen.start_error};
  if (seen.timed_out) return {ResetResult::failed, "the reset command did not end within its limit"};
  const std::string output = without_ansi(seen.output);
  for (const std::string_view text : failure_texts)
    if (output.find(text) != std::string::npos)
      return {ResetResult::failed, "the reset command printed \"" + std::string{text} + "\""};
  if (seen.term_signal)
    return {ResetResult::failed, "signal " + std::to_string(*seen.term_signal) + " ended the reset command"};
  if (!seen.exit_code) return {ResetResult::unverified, "the end of the reset command was not seen"};
  if (*seen.exit_code != 0)
    return {ResetResult::failed,
            "the reset command ended with " + std::to_string(*seen.exit_code) + ": " + last_line(output)};
  if (seen.devices_after != seen.devices_before)
    return {ResetResult::failed, "the devices are not the same: " + listed(seen.devices_before) + " before, " +
                                     listed(seen.devices_after) + " after"};
  if (std::find(seen.devices_after.begin(), seen.devices_after.end(), seen.board) == seen.devices_after.end())
    return {ResetResult::failed, "board " + seen.board + " is not there after it: " + listed(seen.devices_after)};
  if (seen.unready) return {ResetResult::unverified, "the readiness probe: " + *seen.unready};
  return {ResetResult::verified, ""};
}

std::string reset_target(const std::string& nodes, const std::string& board, bool as_path) {
  return as_path ? nodes + "/" + board : board;
}

}  // namespace ndr
