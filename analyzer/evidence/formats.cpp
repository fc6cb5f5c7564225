// What the words of a message mean, whatever format printed them.
#include "analyzer/evidence/formats.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "analyzer/evidence/formats_trigger.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

struct Words {
  std::string_view lower;
  FailureType type;
};

// In the order of precedence: a message may speak of several.
constexpr std::array meanings{
    Words{"read 0xffffffff from arc", FailureType::infra},
    Words{"you should reset the board", FailureType::infra},
    Words{"unable to reset board", FailureType::infra},
    Words{"unsuccessful board reset", FailureType::infra},
    Words{"no chips detected", FailureType::infra},
    Words{"no tenstorrent driver detected", FailureType::infra},
    Words{"failed to initialize chip", FailureType::infra},
    Words{"physical chip id not found for eth coord", FailureType::infra},
    Words{"graph specified in mgd could not fit", FailureType::infra},
    Words{"physical discovery found missing", FailureType::infra},
    Words{"connection mismatch detected", FailureType::infra},
    Words{"no core coordinate found at", FailureType::infra},
    Words{"config space reset not completed", FailureType::infra},
    Words{"timeout waiting for device at bdf", FailureType::infra},
    Words{"no space left on device", FailureType::infra},
    Words{"read-only file system", FailureType::infra},
    Words{"run_mailbox value", FailureType::device_contention},
    Words{"waiting for lock 'non_mmio", FailureType::device_contention},
    Words{"waiting for lock 'chip_in_use", FailureType::device_contention},
    Words{"_pcie' which is currently held", FailureType::device_contention},
    Words{"_pcie'", FailureType::device_contention},
    Words{"tt_tlb_alloc failed", FailureType::device_contention},
    Words{"failed to allocate the tlb", FailureType::device_contention},
    Words{"failed to allocate tlb", FailureType::device_contention},
    Words{"tlb window", FailureType::device_contention},
    Words{"tenstorrent cards seem to be in use", FailureType::device_contention},
    Words{"device or resource busy", FailureType::device_contention},
    Words{"already in use by another process", FailureType::device_contention},
    Words{"proceeding could lead to undefined behavior", FailureType::device_contention},
    Words{"hugepage address", FailureType::device_contention},
    Words{"noc address of a hugepage", FailureType::device_contention},
    Words{"out of memory", FailureType::out_of_memory},
    Words{"bad_alloc", FailureType::out_of_memory},
    Words{"memoryerror", FailureType::out_of_memory},
    Words{"cannot allocate memory", FailureType::out_of_memory},
    Words{"not enough space to allocate", FailureType::out_of_memory},
    Words{"beyond max l1 size", FailureType::out_of_memory},
    Words{"clash with l1 buffers", FailureType::out_of_memory},
    Words{"oom-kill", FailureType::out_of_memory},
    Words{"oom killer", FailureType::out_of_memory},
    Words{"memory cgroup out of", FailureType::out_of_memory},
    Words{"timeout: device timeout", FailureType::device_timeout},
    Words{"fetch queue wait", FailureType::device_timeout},
    Words{"potential hang detected", FailureType::device_timeout},
    Words{"fabric router sync: timeout", FailureType::device_timeout},
    Words{"fabric router sync timeout", FailureType::device_timeout},
    Words{"waiting for physical cores to finish", FailureType::device_timeout},
    Words{"waiting for active ethernet core", FailureType::device_timeout},
    Words{"ethernet core service remote io request", FailureType::device_timeout},
    Words{"waiting for ethernet core", FailureType::device_timeout},
    Words{"failed to initialize fw", FailureType::device_timeout},
    Words{"[hang detected]", FailureType::device_timeout},
    Words{"card hang detected", FailureType::device_timeout},
    Words{"tripped an assert", FailureType::assertion},
    Words{"due to tripped assert", FailureType::assertion},
};

constexpr std::array comparison_words{
    std::string_view{"pcc"},
    std::string_view{"allclose"},
    std::string_view{"all_close"},
    std::string_view{"accuracy"},
    std::string_view{"not equal to tolerance"},
    std::string_view{"tolerance"},
    std::string_view{"mismatched elements"},
    std::string_view{"mismatch"},
    std::string_view{"atol"},
    std::string_view{"rtol"},
    std::string_view{"not close"},
    std::string_view{"are not almost equal"},
    std::string_view{"torch.equal"},
    std::string_view{"array_equal"},
    std::string_view{"approx("},
    std::string_view{"golden"},
    std::string_view{"read back"},
    std::string_view{"readback"},
    std::string_view{"does not match what was written"},
    std::string_view{"which exceeds"},
    std::string_view{"perplexity"},
    std::string_view{"tensors are not equal"},
    std::string_view{"tensor-likes are not"},
    std::string_view{"max abs"},
    std::string_view{"frobenius"},
};

// "2026-04-23 21:00:59.755 " or with a comma; length of it, 0 where the text does not start so.
std::size_t logger_time(std::string_view text) {
  constexpr std::string_view shape = "dddd-dd-dd dd:dd:dd";
  if (text.size() < shape.size() + 2 || text[4] != '-') return 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 'd' ? !is_digit(text[i]) : text[i] != shape[i]) return 0;
  }
  std::size_t end = shape.size();
  while (end < text.size() && (is_digit(text[end]) || text[end] == '.' || text[end] == ','))
    ++end;
  return end;
}

constexpr std::array<std::string_view, 9> level_names{"critical", "error", "warning", "info", "debug",
                                                      "trace",    "fatal", "success", "warn"};

bool is_level(std::string_view word) {
  return std::find(level_names.begin(), level_names.end(), to_lower(trim(word))) != level_names.end();
}

// "(assert.hpp:104)" at the end.
std::string_view without_logger_place(std::string_view text) {
  text = trim_end(text);
  const auto open = text.ends_with(')') ? text.rfind(" (") : std::string_view::npos;
  if (open == std::string_view::npos) return text;
  const std::string_view inside = text.substr(open + 2, text.size() - open - 3);
  const auto place = source_place(inside);
  const bool only_place = place && inside.find(' ') == std::string_view::npos;
  return only_place ? trim_end(text.substr(0, open)) : text;
}

}  // namespace

std::span<const std::string_view> message_words() {
  static const auto words = [] {
    std::array<std::string_view, meanings.size()> all;
    std::transform(meanings.begin(), meanings.end(), all.begin(), [](const Words& w) { return w.lower; });
    return all;
  }();
  return words;
}

KeptLine keep(const LogLine& line) {
  return {std::string{line.text}, std::string{line.stamp}, std::string{line.process}, line.origin};
}

std::optional<FailureType> type_by_message(std::string_view message) {
  const std::string lower = to_lower(message);
  for (const Words& words : meanings) {
    if (contains(lower, words.lower)) return words.type;
  }
  return std::nullopt;
}

bool speaks_of_comparison(std::string_view text) {
  const std::string lower = to_lower(text);
  return std::any_of(comparison_words.begin(), comparison_words.end(),
                     [&](auto word) { return contains(lower, word); });
}

std::string logger_level(std::string_view text) {
  const std::size_t time = logger_time(text);
  std::string_view rest = text.substr(time);
  for (int field = 0; field < 3; ++field) {
    const auto bar = rest.find('|');
    if (bar == std::string_view::npos) return {};
    if (is_level(rest.substr(0, bar))) return to_lower(trim(rest.substr(0, bar)));
    if (bar > 40) return {};
    rest.remove_prefix(bar + 1);
  }
  return {};
}

std::string_view bare_message(std::string_view text) {
  if (!logger_level(text).empty()) {
    std::string_view rest = text;
    for (auto bar = rest.find('|'); bar != std::string_view::npos; bar = rest.find('|')) {
      const bool level = is_level(rest.substr(0, bar));
      rest.remove_prefix(bar + 1);
      if (level) break;
    }
    const std::string_view place = before(rest, " - ");  // loguru: module:function:line
    const bool loguru =
        place.size() < rest.size() && contains(place, ":") && trim(place).find_first_of(" |") == std::string_view::npos;
    text = rest.substr(loguru ? place.size() + 3 : std::min(rest.find('|') + 1, rest.size()));
  }
  text = without_logger_place(trim(text));
  for (const std::string_view label : {"TT_THROW: ", "TT_FATAL: ", "TT_ASSERT: "}) {
    if (text.starts_with(label)) return text.substr(label.size());
  }
  return text;
}

std::string named_devices(std::string_view message) {
  std::string names;
  const std::string lower = to_lower(message);
  for (const std::string_view kind : {"rank", "device", "chip"}) {
    for (auto at = lower.find(kind); at != std::string::npos; at = lower.find(kind, at + 1)) {
      if (at > 0 && is_word(lower[at - 1])) continue;
      std::string_view rest = std::string_view{lower}.substr(at + kind.size());
      const bool apart = rest.starts_with(' ') || rest.starts_with(':') || rest.starts_with('=');
      rest = rest.substr(std::min(rest.find_first_not_of(" :=#"), rest.size()));
      const auto number = leading_number(rest);
      if (!apart || !number) continue;
      names +=
          (names.empty() ? "" : " ") + std::string{kind == "chip" ? "device" : kind} + " " + std::to_string(*number);
      break;
    }
  }
  return names;
}

}  // namespace ndr
