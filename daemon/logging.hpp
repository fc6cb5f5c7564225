#pragma once
#include <string>

namespace ndr {

/// Logs go to standard error: under journald with its priority prefixes and no time stamps of our own, elsewhere with
/// UTC times. `level`: debug, info, warning or error.
void start_logging(const std::string& level);

}  // namespace ndr
