#include "api/listing.hpp"

#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

namespace ndr {
namespace {

std::string encoded(std::string_view text) { return boost::urls::encode(text, boost::urls::unreserved_chars); }

std::string next_target(const Request& request, const std::string& cursor) {
  std::string target;
  for (const std::string& segment : request.target.segments)
    target += "/" + encoded(segment);
  target += "?";
  for (const auto& [name, value] : request.target.query)
    if (name != "after") target += encoded(name) + "=" + encoded(value) + "&";
  return target + "after=" + encoded(cursor);
}

}  // namespace

Reply list_reply(const Request& request, std::string_view name, std::string items_json,
                 const std::optional<std::string>& cursor) {
  const std::string next = cursor ? next_target(request, *cursor) : "";
  // The target is percent-encoded, so nothing in it needs escaping.
  std::string text = "{\"" + std::string{name} + "\":" + std::move(items_json) + ",\"next\":";
  Reply reply = json_reply(text + (cursor ? "\"" + next + "\"}" : "null}"));
  if (cursor) reply.headers.push_back({"Link", "<" + next + ">; rel=\"next\""});
  return reply;
}

}  // namespace ndr
