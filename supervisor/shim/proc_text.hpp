#pragma once
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ndr {

/// A file of /proc or of a cgroup, which has no size of its own, to its end; nothing where it cannot be read
/// (errno says why). At most 64 MiB.
std::optional<std::string> proc_text(const std::string& file);

/// The names in a folder that are numbers: processes in /proc, threads in /proc/PID/task, descriptors. Empty where the
/// folder cannot be read (errno says why, else it is 0).
std::vector<int> numbers_in(const std::string& folder);

/// The first line without its newline, taken off `text`.
std::string_view take_line(std::string_view& text);

/// The words between single or several blanks.
std::vector<std::string_view> words_of(std::string_view text);

/// The whole text as a decimal number.
template <class Number>
std::optional<Number> number_from(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace ndr
