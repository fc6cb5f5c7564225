#pragma once
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "api/http.hpp"
#include "api/problem.hpp"

namespace ndr {

/// Refuses parameters that the route does not know and any given twice, so that a misspelt filter never passes for
/// none.
std::optional<Problem> check_query(const Request& request, std::initializer_list<std::string_view> known);

/// A decimal number within limits; `fallback` where it is not given.
Answer<std::int64_t> query_number(const Request& request, std::string_view name, std::int64_t min, std::int64_t max,
                                  std::int64_t fallback);

/// "1" or "0"; `fallback` where it is not given.
Answer<bool> query_flag(const Request& request, std::string_view name, bool fallback);

/// "30s", "500ms", "5m", "1h", or a plain number of seconds. Nothing for any other text, or above 30 days.
std::optional<std::chrono::milliseconds> duration_from(std::string_view text);

/// All digits, at most 18 of them, above 0.
std::optional<std::int64_t> row_id_from(std::string_view text);

Problem bad_query(std::string_view name, std::string reason, std::string remedy);

}  // namespace ndr
