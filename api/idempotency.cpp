#include "api/idempotency.hpp"

#include <functional>

namespace ndr {
namespace {

constexpr std::int64_t kept_for_ms = 24LL * 3'600'000;
constexpr std::size_t most_entries = 1000;
constexpr std::size_t most_bytes = 64 << 10;

std::string key_of(const Request& request) {
  return request.identity + "\n" + request.header("idempotency-key").value_or("");
}

// Who can make two bodies of one hash only fools himself: keys of different callers are apart.
std::string fingerprint_of(const Request& request) {
  return std::string{to_text(request.method)} + " " + request.raw_target + " " + std::to_string(request.body.size()) +
         " " + std::to_string(std::hash<std::string>{}(request.body));
}

Problem refused_key(std::string code, std::string detail) {
  return Problem{std::move(code), std::move(detail), "use a new random key for each new request", {}, {}};
}

}  // namespace

std::variant<IdempotencyKeys::Fresh, Reply, Problem> IdempotencyKeys::begin(const Request& request,
                                                                            std::int64_t now_ms) {
  const std::string given = request.header("idempotency-key").value_or("");
  if (given.empty() || given.size() > 255) return refused_key("key_reused", "the key must have 1 to 255 bytes");
  drop_old(now_ms);
  const std::string key = key_of(request);
  const auto found = entries_.find(key);
  if (found == entries_.end()) {
    by_age_.push_back(key);
    entries_.emplace(key, Entry{fingerprint_of(request), std::nullopt, now_ms, std::prev(by_age_.end())});
    return Fresh{};
  }
  const Entry& entry = found->second;
  if (entry.fingerprint != fingerprint_of(request))
    return refused_key("key_reused", "the key came with another path or body");
  if (!entry.answer) return refused_key("key_in_flight", "the first request with this key is still being answered");
  return Reply{entry.answer->status, entry.answer->headers, entry.answer->body};
}

void IdempotencyKeys::keep(const Request& request, const Reply& reply) {
  const auto* body = std::get_if<std::string>(&reply.body);
  const auto found = entries_.find(key_of(request));
  if (found == entries_.end()) return;  // pushed out by newer ones
  if (body == nullptr || body->size() > most_bytes || reply.status >= 500) return erase(found->first);
  found->second.answer = Kept{reply.status, reply.headers, *body};
}

void IdempotencyKeys::forget(const Request& request) { erase(key_of(request)); }

void IdempotencyKeys::drop_old(std::int64_t now_ms) {
  while (!by_age_.empty()) {
    const Entry& oldest = entries_.at(by_age_.front());
    if (entries_.size() < most_entries && now_ms - oldest.at_ms < kept_for_ms) return;
    erase(by_age_.front());
  }
}

void IdempotencyKeys::erase(const std::string& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  by_age_.erase(found->second.age);
  entries_.erase(found);
}

}  // namespace ndr
