#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "analyzer/refusal.hpp"

namespace ndr {

/// Closes what the parent left open above `last_kept` and fills gaps in 0 to 2 with /dev/null, so that no file of ours
/// ever becomes somebody's standard output.
void tidy_fds(int last_kept);

/// All of standard input, nothing from a terminal; refuses more than 4 MiB.
inline constexpr std::uint64_t standard_input_limit = 4u << 20;
Checked<std::string> standard_input();

void write_output(std::string_view text);
/// One line on standard error, for people: "ndreprod-shim: field: reason; remedy".
void complain(const Refusal& refusal);

}  // namespace ndr
