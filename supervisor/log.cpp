#include "supervisor/log.hpp"

#include <spdlog/spdlog.h>

namespace ndr {

void log_line(LogLevel level, const std::string& text) {
  switch (level) {
    case LogLevel::info:
      return spdlog::info(text);
    case LogLevel::warning:
      return spdlog::warn(text);
    case LogLevel::error:
      return spdlog::error(text);
  }
}

}  // namespace ndr
