#pragma once
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "api/http.hpp"
#include "api/problem.hpp"
#include "api/reply.hpp"

namespace ndr {

/// The first answer to each Idempotency-Key, so that a client that lost the connection may ask again without starting
/// anything twice (draft-ietf-httpapi-idempotency-key-header-07). Kept in memory for 24 hours, at most 1,000 answers of
/// at most 64 KiB each, the oldest dropped first; a restart forgets them. Keys of different callers are apart.
class IdempotencyKeys {
public:
  struct Fresh {};
  /// Fresh: answer it, then call keep() or forget(). A Reply: the first answer. A Problem: the key came with another
  /// request (422), its first request is still being answered (409), or it is empty or above 255 bytes (422).
  std::variant<Fresh, Reply, Problem> begin(const Request& request, std::int64_t now_ms);
  void keep(const Request& request, const Reply& reply);
  void forget(const Request& request);

private:
  struct Kept {
    int status = 0;
    std::vector<Header> headers;
    std::string body;
  };
  struct Entry {
    std::string fingerprint;     // of method, target and body
    std::optional<Kept> answer;  // nothing while the first request is being answered
    std::int64_t at_ms = 0;
    std::list<std::string>::iterator age;
  };
  void drop_old(std::int64_t now_ms);
  void erase(const std::string& key);

  std::map<std::string, Entry> entries_;
  std::list<std::string> by_age_;
};

}  // namespace ndr
