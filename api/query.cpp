#include "api/query.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace ndr {
namespace {

std::optional<std::int64_t> number_from(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_short_number(std::string_view text) {
  return !text.empty() && text.size() <= 18 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Problem bad_query(std::string_view name, std::string reason, std::string remedy) {
  const Refusal refusal{std::string{name}, std::move(reason), std::move(remedy)};
  return problem_of(refusal, "bad_query");
}

std::optional<Problem> check_query(const Request& request, std::initializer_list<std::string_view> known) {
  std::set<std::string_view> seen;
  for (const auto& [name, value] : request.target.query) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string names;
      for (const std::string_view one : known)
        names += (names.empty() ? "" : ", ") + std::string{one};
      return bad_query(name, "is not a parameter of this path", names.empty() ? "it takes none" : "it takes " + names);
    }
    if (!seen.insert(name).second) return bad_query(name, "is given twice", "give it once");
  }
  return std::nullopt;
}

Answer<std::int64_t> query_number(const Request& request, std::string_view name, std::int64_t min, std::int64_t max,
                                  std::int64_t fallback) {
  const auto text = request.query(name);
  if (!text) return fallback;
  const auto value = number_from(*text);
  if (value && *value >= min && *value <= max) return *value;
  return bad_query(name, "\"" + *text + "\" is not a number it can have",
                   "give one from " + std::to_string(min) + " to " + std::to_string(max));
}

Answer<bool> query_flag(const Request& request, std::string_view name, bool fallback) {
  const auto text = request.query(name);
  if (!text) return fallback;
  if (*text == "1" || *text == "0") return *text == "1";
  return bad_query(name, "\"" + *text + "\" is neither 1 nor 0", "give 1 or 0");
}

std::optional<std::chrono::milliseconds> duration_from(std::string_view text) {
  const auto unit_at = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view unit = text.substr(unit_at);
  if (!is_short_number(text.substr(0, unit_at)) || unit_at > 12) return std::nullopt;
  std::int64_t factor = 0;
  if (unit == "ms") factor = 1;
  if (unit.empty() || unit == "s") factor = 1000;
  if (unit == "m") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  const std::int64_t total = *number_from(text.substr(0, unit_at)) * factor;
  constexpr std::int64_t thirty_days = 30LL * 24 * 3'600'000;
  if (factor == 0 || total > thirty_days) return std::nullopt;
  return std::chrono::milliseconds{total};
}

std::optional<std::int64_t> row_id_from(std::string_view text) {
  if (!is_short_number(text)) return std::nullopt;
  const auto value = number_from(text);
  return value && *value > 0 ? value : std::nullopt;
}

}  // namespace ndr
