#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/reply.hpp"

namespace ndr {

/// Cuts `rows`, read one above `limit`, to the limit; true when there was one more.
template <class Row>
bool cut_to(std::vector<Row>& rows, int limit) {
  const bool more = rows.size() > static_cast<std::size_t>(limit);
  if (more) rows.resize(static_cast<std::size_t>(limit));
  return more;
}

/// {"NAME": [...], "next": "/v1/…?limit=…&after=CURSOR"} with the same target as `Link: <…>; rel="next"`; without a
/// cursor, next is null. Other parameters of the request are kept.
Reply list_reply(const Request& request, std::string_view name, std::string items_json,
                 const std::optional<std::string>& cursor);

}  // namespace ndr
