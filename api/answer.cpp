#include "api/answer.hpp"

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>

#include "analyzer/utf8.hpp"
#include "storage/database.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/log.hpp"

namespace ndr {
namespace asio = boost::asio;
namespace {

/// Forgets the key of a request whose handler was left by an exception, so that it can be tried again.
class KeyGuard {
public:
  KeyGuard(IdempotencyKeys& keys, const Request& request) : keys_(keys), request_(request) {}
  ~KeyGuard() {
    if (!kept_) keys_.forget(request_);
  }
  KeyGuard(const KeyGuard&) = delete;
  KeyGuard& operator=(const KeyGuard&) = delete;
  void keep(const Reply& reply) {
    keys_.keep(request_, reply);
    kept_ = true;
  }

private:
  IdempotencyKeys& keys_;
  const Request& request_;
  bool kept_ = false;
};

asio::awaitable<Reply> run_handler(Api& api, const Route& route, const Request& request) {
  Answer<Reply> answered = co_await route.handler(api, request);
  if (!answered) co_return problem_reply(answered.error(), request.raw_target);
  co_return std::move(*answered);
}

asio::awaitable<Reply> run_once_per_key(Api& api, const Route& route, const Request& request) {
  if (request.method != Method::post || !request.header("idempotency-key"))
    co_return co_await run_handler(api, route, request);
  auto before = api.keys.begin(request, steady_ms());
  if (auto* reply = std::get_if<Reply>(&before)) co_return std::move(*reply);
  if (auto* problem = std::get_if<Problem>(&before)) co_return problem_reply(*problem, request.raw_target);
  KeyGuard guard{api.keys, request};
  Reply reply = co_await run_handler(api, route, request);
  guard.keep(reply);
  co_return reply;
}

Problem problem_of_failure(const std::exception_ptr& failure, const Request& request) {
  static std::uint64_t count = 0;
  const std::string id = std::to_string(wall_ms()) + "-" + std::to_string(++count);
  std::string what = "an exception of unknown type";
  bool full = false;
  try {
    std::rethrow_exception(failure);
  } catch (const DatabaseError& error) {
    what = error.what();
    full = error.full;
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
  }
  log_error("request {} ({} {}) failed: {}", id, to_text(request.method), to_utf8(request.raw_target), what);
  if (full)
    return Problem{"disk_full",
                   "nothing was stored (" + id + " in the daemon's log)",
                   "free space on the disk of the state folder, then ask again",
                   {},
                   {}};
  return Problem{"internal", "see " + id + " in the daemon's log", "`journalctl -u ndreprod` shows it", {}, {}};
}

asio::awaitable<Reply> run_guarded(Api& api, const Route& route, const Request& request) {
  std::exception_ptr failure;
  try {
    co_return co_await run_once_per_key(api, route, request);
  } catch (...) {
    failure = std::current_exception();
  }
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none) std::rethrow_exception(failure);
  co_return problem_reply(problem_of_failure(failure, request), request.raw_target);
}

}  // namespace

asio::awaitable<Reply> answer(Api& api, Request& request) {
  auto found = api.router.find(request.method, request.target.segments);
  if (!found) {
    Reply reply = problem_reply(found.error(), request.raw_target);
    ++api.metrics.requests[{"none", reply.status}];
    co_return reply;
  }
  request.parameters = std::move(found->parameters);
  Reply reply = co_await run_guarded(api, *found->route, request);
  ++api.metrics.requests[{std::string{found->route->pattern}, reply.status}];
  co_return reply;
}

bool may_wait(const Request& request) {
  return request.method == Method::get && (request.query("wait") || request.query("follow"));
}

}  // namespace ndr
