#pragma once
#include <fmt/core.h>

#include <string>
#include <utility>

namespace ndr {

enum class LogLevel { info, warning, error };

/// One line of the daemon's own log (spdlog). A seam of its own, since spdlog's headers cost each source seconds to
/// compile.
void log_line(LogLevel level, const std::string& text);

template <class... Values>
void log_info(fmt::format_string<Values...> format, Values&&... values) {
  log_line(LogLevel::info, fmt::format(format, std::forward<Values>(values)...));
}
template <class... Values>
void log_warning(fmt::format_string<Values...> format, Values&&... values) {
  log_line(LogLevel::warning, fmt::format(format, std::forward<Values>(values)...));
}
template <class... Values>
void log_error(fmt::format_string<Values...> format, Values&&... values) {
  log_line(LogLevel::error, fmt::format(format, std::forward<Values>(values)...));
}

}  // namespace ndr
