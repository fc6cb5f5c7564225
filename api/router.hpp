#pragma once
#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http.hpp"
#include "api/problem.hpp"
#include "api/reply.hpp"

namespace ndr {
struct Api;

/// Answers one request; awaited on the spot, so the references hold.
using Handler = boost::asio::awaitable<Answer<Reply>> (*)(Api& api, const Request& request);

struct Route {
  Method method = Method::get;  // GET answers HEAD too
  std::string_view pattern;     // "/v1/cases/{case}": {name} takes one segment that is not empty
  Handler handler = nullptr;
};

/// The route of a request, with the values of its pattern's parts.
struct Found {
  const Route* route = nullptr;
  std::vector<std::pair<std::string, std::string>> parameters;
};

/// Finds routes by method and path segments. Holds the table by reference.
class Router {
public:
  explicit Router(const std::vector<Route>& routes);
  /// 404 where no pattern fits, 405 with Allow where one does but not for this method.
  Answer<Found> find(Method method, const std::vector<std::string>& segments) const;

private:
  struct Entry {
    const Route* route;
    std::vector<std::string> parts;
  };
  std::vector<Entry> entries_;
};

}  // namespace ndr
