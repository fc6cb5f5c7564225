#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace ndr {

/// The architecture that a name of a runner, job or variable means (wormhole_b0, blackhole, grayskull).
std::optional<std::string> arch_in(std::string_view name);

/// The board that a name of a runner, SKU, topology or job means (N150, P150b, T3000, Galaxy, QuietBox, ...).
std::optional<std::string> board_in(std::string_view name);

}  // namespace ndr
