#include "api/router.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "analyzer/assert.hpp"

namespace ndr {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

bool is_variable(const std::string& part) { return part.size() > 2 && part.front() == '{' && part.back() == '}'; }

std::optional<Parameters> fit(const std::vector<std::string>& parts, const std::vector<std::string>& segments) {
  if (parts.size() != segments.size()) return std::nullopt;
  Parameters parameters;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool variable = is_variable(parts[i]);
    if (variable ? segments[i].empty() : parts[i] != segments[i]) return std::nullopt;
    if (variable) parameters.emplace_back(parts[i].substr(1, parts[i].size() - 2), segments[i]);
  }
  return parameters;
}

Problem no_such_path(const std::vector<std::string>& segments) {
  std::string path;
  for (const std::string& segment : segments)
    path += "/" + segment;
  return Problem{"no_such_path", "nothing is served at " + path, "GET /v1/openapi.json lists all paths", {}, {}};
}

}  // namespace

Router::Router(const std::vector<Route>& routes) {
  for (const Route& route : routes) {
    NDR_ASSERT(route.pattern.starts_with('/'));
    Entry entry{&route, {}};
    std::string_view rest = route.pattern;
    while (!rest.empty()) {
      rest.remove_prefix(1);
      const auto end = std::min(rest.find('/'), rest.size());
      entry.parts.emplace_back(rest.substr(0, end));
      rest.remove_prefix(end);
    }
    entries_.push_back(std::move(entry));
  }
}

Answer<Found> Router::find(Method method, const std::vector<std::string>& segments) const {
  const Method wanted = method == Method::head ? Method::get : method;
  std::set<std::string> allowed;
  for (const Entry& entry : entries_) {
    auto parameters = fit(entry.parts, segments);
    if (!parameters) continue;
    if (entry.route->method == wanted) return Found{entry.route, std::move(*parameters)};
    allowed.emplace(to_text(entry.route->method));
    if (entry.route->method == Method::get) allowed.emplace("HEAD");
  }
  if (allowed.empty()) return no_such_path(segments);
  std::string list;
  for (const std::string& one : allowed)
    list += (list.empty() ? "" : ", ") + one;
  return Problem{"method_not_allowed", "it takes " + list, "", {}, {{"Allow", list}}};
}

}  // namespace ndr
